import { DTypeError, PrepackCache } from '@octet/backend';
import type { PerTensorQParams, Tensor } from '@octet/tensor';
import { int32Tensor, quantizeBias } from './int8';

/**
 * int8 weights and float bias of one layer, with what kernels make of them: the bias as int32 at the scale of the input,
 * and the backend's own packing. Both are made at first use and kept.
 */
export class PackedWeight {
  readonly cache = new PrepackCache();
  private biasHost: Float32Array | undefined;
  private bias32: { tensor: Tensor; inputScale: number } | undefined;

  /** weight qint8 (per tensor, or per channel along dim 0); bias float32 [outputs]. @throws DTypeError */
  constructor(
    op: string,
    readonly weight: Tensor,
    readonly bias: Tensor | undefined,
  ) {
    if (weight.dtype !== 'qint8') {
      throw new DTypeError({
        op,
        expected: 'a qint8 weight',
        found: weight.dtype,
        fix: 'Quantize it with quantizePerTensor or quantizePerChannel to qint8.',
      });
    }
    if (bias) this.biasHost = bias.dataSync() as Float32Array;
  }

  /** The int32 bias for an input of this scale, on the weight's backend. */
  int32Bias(x: PerTensorQParams): Tensor | undefined {
    if (!this.biasHost) return undefined;
    if (this.bias32?.inputScale !== x.scale) {
      this.bias32 = {
        tensor: int32Tensor(quantizeBias(this.biasHost, x, this.weight), this.weight),
        inputScale: x.scale,
      };
      this.cache.clear();
    }
    return this.bias32?.tensor;
  }
}
