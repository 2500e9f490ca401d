import { ModuleError } from '@octet/backend';
import { hookedCall } from '@octet/graph';
import { Module } from '@octet/nn/modules';
import { add, cat, matmul, mean, mul, type Tensor, tidy } from '@octet/tensor/functional';
import { RELU } from './functional/int8';
import { observe } from './observed';
import type { ObserverOrFakeQuant } from './with-args';

/**
 * Arithmetic that quantization can see: a sum needs an observer for its result like any layer. One for each place in the
 * forward pass. `convert` makes it a QFunctional.
 */
export class FloatFunctional extends Module<never> {
  static override readonly name: string = 'FloatFunctional';
  static readonly pure = true;

  activationPostProcess: ObserverOrFakeQuant | undefined = undefined;

  forward(): never {
    throw new ModuleError({
      op: 'FloatFunctional',
      expected: 'one of its methods',
      found: 'call() or forward()',
      fix: 'Use add, addRelu, mul, matmul, cat, mean, addScalar or mulScalar, as in this.skipAdd.add(x, y).',
    });
  }

  add(a: Tensor, b: Tensor): Tensor {
    return hookedCall(this, 'add', [a, b], () => tidy(() => observe(this, add(a, b), 'add')));
  }

  addRelu(a: Tensor, b: Tensor): Tensor {
    return hookedCall(this, 'addRelu', [a, b], () =>
      tidy(() => observe(this, add(a, b, { clamp: RELU }), 'addRelu')),
    );
  }

  mul(a: Tensor, b: Tensor): Tensor {
    return hookedCall(this, 'mul', [a, b], () => tidy(() => observe(this, mul(a, b), 'mul')));
  }

  matmul(a: Tensor, b: Tensor): Tensor {
    return hookedCall(this, 'matmul', [a, b], () => tidy(() => observe(this, matmul(a, b), 'matmul')));
  }

  cat(tensors: readonly Tensor[], dim = 0): Tensor {
    return hookedCall(this, 'cat', [tensors, dim], () => tidy(() => observe(this, cat(tensors, dim), 'cat')));
  }

  /** The mean over `dims`, all unless given. In int8 it has a scale of its own; that of a tensor's method keeps its input's. */
  mean(x: Tensor, dims?: readonly number[], keepDim = false): Tensor {
    return hookedCall(this, 'mean', [x, dims, keepDim], () =>
      tidy(() => observe(this, mean(x, dims, keepDim), 'mean')),
    );
  }

  /** Not observed: in int8 it moves the zero point. */
  addScalar(x: Tensor, scalar: number): Tensor {
    return hookedCall(this, 'addScalar', [x, scalar], () => add(x, scalar));
  }

  /** Not observed: in int8 it changes the scale. */
  mulScalar(x: Tensor, scalar: number): Tensor {
    return hookedCall(this, 'mulScalar', [x, scalar], () => mul(x, scalar));
  }
}
