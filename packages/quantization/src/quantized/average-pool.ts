import { AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d } from '@octet/nn/modules';
import {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  avgPool1d,
  avgPool2d,
  type Tensor,
} from '@octet/tensor/functional';
import { type OutputQparams, requireQuint8 } from '../functional/int8';
import { AveragePool, type AveragingLayer } from '../intrinsic/average-pool';
import { QuantizedOutput } from './with-output';

/** An average pool on integers whose result has a scale of its own. PyTorch has none. */
export class QuantizedAveragePool extends QuantizedOutput {
  static override readonly name: string = 'QuantizedAveragePool';
  static readonly pure = true;

  constructor(
    readonly pool: AveragingLayer,
    output: OutputQparams,
  ) {
    super(output);
  }

  /** @throws QuantizationError unless x is quint8, and what the pool throws */
  override forward(x: Tensor): Tensor {
    requireQuint8('quantized.AveragePool', x);
    const { pool, scale, zeroPoint } = this;
    const output = { scale, zeroPoint };
    if (pool instanceof AdaptiveAvgPool1d) return adaptiveAvgPool1d(x, pool.outputSize, { output });
    if (pool instanceof AdaptiveAvgPool2d) return adaptiveAvgPool2d(x, pool.outputSize, { output });
    const { countIncludePad, ceilMode } = pool;
    const options = { countIncludePad, ceilMode, output };
    if (pool instanceof AvgPool1d)
      return avgPool1d(x, pool.kernelSize, { stride: pool.stride, padding: pool.padding, ...options });
    return avgPool2d(x, pool.kernelSize, { stride: pool.stride, padding: pool.padding, ...options });
  }

  toFloat(): AveragePool {
    return new AveragePool(this.pool).train(this.training);
  }
}
