import { ModuleError, QuantizationError } from '@octet/backend';
import { hookedCall } from '@octet/graph';
import type { StateLoader } from '@octet/nn/modules';
import { mean, type Tensor } from '@octet/tensor/functional';
import { FloatFunctional } from '../float-functional';
import {
  quantizedAdd,
  quantizedAddScalar,
  quantizedCat,
  quantizedMul,
  quantizedMulScalar,
} from '../functional/arithmetic';
import { type OutputQparams, RELU, requireQuint8 } from '../functional/int8';
import { quantizedMatmul } from '../functional/matmul';
import { QuantizedOutput } from './with-output';

/** The arithmetic of a FloatFunctional on integers. */
export class QFunctional extends QuantizedOutput<never> {
  static override readonly name: string = 'QFunctional';
  static readonly pure = true;

  private calibrated = true;

  /** For a place of the forward pass that calibration never reached: it has no scale, and says so when used. */
  static unused(): QFunctional {
    const functional = new QFunctional({ scale: 1, zeroPoint: 0 });
    functional.calibrated = false;
    return functional;
  }

  override forward(): never {
    throw new ModuleError({
      op: 'QFunctional',
      expected: 'one of its methods',
      found: 'call() or forward()',
      fix: 'Use add, addRelu, mul, matmul, cat, mean, addScalar or mulScalar.',
    });
  }

  toFloat(): FloatFunctional {
    return new FloatFunctional().train(this.training);
  }

  add(a: Tensor, b: Tensor): Tensor {
    return hookedCall(this, 'add', [a, b], () => quantizedAdd(a, b, this.output));
  }

  addRelu(a: Tensor, b: Tensor): Tensor {
    return hookedCall(this, 'addRelu', [a, b], () => quantizedAdd(a, b, { ...this.output, clamp: RELU }));
  }

  mul(a: Tensor, b: Tensor): Tensor {
    return hookedCall(this, 'mul', [a, b], () => quantizedMul(a, b, this.output));
  }

  matmul(a: Tensor, b: Tensor): Tensor {
    return hookedCall(this, 'matmul', [a, b], () => quantizedMatmul(a, b, this.output));
  }

  cat(tensors: readonly Tensor[], dim = 0): Tensor {
    return hookedCall(this, 'cat', [tensors, dim], () => quantizedCat(tensors, dim, this.output));
  }

  mean(x: Tensor, dims?: readonly number[], keepDim = false): Tensor {
    return hookedCall(this, 'mean', [x, dims, keepDim], () => {
      requireQuint8('quantized.mean', x);
      return mean(x, dims, keepDim, { output: this.output });
    });
  }

  addScalar(x: Tensor, scalar: number): Tensor {
    return hookedCall(this, 'addScalar', [x, scalar], () => quantizedAddScalar(x, scalar));
  }

  mulScalar(x: Tensor, scalar: number): Tensor {
    return hookedCall(this, 'mulScalar', [x, scalar], () => quantizedMulScalar(x, scalar));
  }

  protected override loadState(load: StateLoader): void {
    super.loadState(load);
    load.commit(() => {
      this.calibrated = true;
    });
  }

  private get output(): OutputQparams {
    if (this.calibrated) return { scale: this.scale, zeroPoint: this.zeroPoint };
    throw new QuantizationError({
      op: 'QFunctional',
      expected: 'a place of the forward pass that calibration reached',
      found: 'one whose observer saw nothing',
      fix: 'Run calibration batches that take this path through the model before convert().',
    });
  }
}
