import { ModuleError } from '@octet/backend';
import { Module } from '@octet/nn';
import { add, cat, mul, relu, type Tensor } from '@octet/tensor';
import type { ObserverOrFakeQuant } from './with-args';

/**
 * Arithmetic that quantization can see: a sum needs an observer for its result like any layer. One for each place in the
 * forward pass. `convert` makes it a QFunctional.
 */
export class FloatFunctional extends Module<never> {
  static readonly keepsNothing = true;

  activationPostProcess: ObserverOrFakeQuant | undefined = undefined;

  forward(): never {
    throw new ModuleError({
      op: 'FloatFunctional',
      expected: 'one of its methods',
      found: 'call() or forward()',
      fix: 'Use add, addRelu, mul, cat, addScalar or mulScalar, as in this.skipAdd.add(x, y).',
    });
  }

  add(a: Tensor, b: Tensor): Tensor {
    return this.observe(add(a, b));
  }

  addRelu(a: Tensor, b: Tensor): Tensor {
    return this.observe(relu(add(a, b)));
  }

  mul(a: Tensor, b: Tensor): Tensor {
    return this.observe(mul(a, b));
  }

  cat(tensors: readonly Tensor[], dim = 0): Tensor {
    return this.observe(cat(tensors, dim));
  }

  /** Not observed: in int8 it moves the zero point. */
  addScalar(x: Tensor, scalar: number): Tensor {
    return add(x, scalar);
  }

  /** Not observed: in int8 it changes the scale. */
  mulScalar(x: Tensor, scalar: number): Tensor {
    return mul(x, scalar);
  }

  private observe(x: Tensor): Tensor {
    return this.activationPostProcess ? this.activationPostProcess.call(x) : x;
  }
}
