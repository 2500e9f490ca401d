import { DTypeError, type DynamicLinearAttrs, PrepackCache, type RequantizeAttrs } from '@octet/backend';
import { kernel, type PerTensorQParams, qparamArrays, type Tensor, tensor } from '@octet/tensor';
import { outputRange, quantizeBias, requantizeMultiplier, requireExactSums } from './int8';

/** What a layer's int8 kernel needs beside its input, for one input scale and one output. */
export interface Int8Call {
  /** int32, at the scale of the sums. */
  readonly bias: Tensor | undefined;
  readonly attrs: RequantizeAttrs;
}

/**
 * The int8 weight and float bias of one layer, with everything made of them once and kept: the weight in the order that
 * kernels take, the int32 bias, the multipliers, and the backend's own packing.
 */
export class PackedWeight {
  readonly cache = new PrepackCache();
  /** The weight as kernels see it. */
  readonly operand: kernel.Operand;
  readonly scale: Float32Array;
  readonly zeroPoint: Int32Array;
  private last: { key: readonly unknown[]; call: Int8Call } | undefined;
  private lastDynamic: DynamicLinearAttrs | undefined;

  /**
   * weight qint8 [outputs, …] (per tensor, or per channel along dim 0); bias float32 [outputs], and a copy of it for a
   * backend that can't be read at once.
   * @throws DTypeError for another dtype, QuantizationError if sums could leave int32
   */
  constructor(
    op: string,
    readonly weight: Tensor,
    readonly bias: Tensor | undefined,
    private readonly hostBias?: Float32Array,
  ) {
    if (weight.dtype !== 'qint8' || !weight.qparams) {
      throw new DTypeError({
        op,
        expected: 'a qint8 weight',
        found: weight.dtype,
        fix: 'Quantize it with quantizePerTensor or quantizePerChannel to qint8.',
      });
    }
    requireExactSums(op, weight);
    const { scale, zeroPoint } = qparamArrays(weight.qparams);
    this.scale = scale;
    this.zeroPoint = zeroPoint;
    this.operand =
      weight.dim === 4
        ? kernel.nhwc(kernel.channelsLast(weight))
        : kernel.as(kernel.dense(weight), weight.shape);
    // The first call may be in a scope.
    this.operand.tensor.keep();
  }

  /** The numbers for an input at `x` and an output at `y`; new ones forget the old packing. */
  callFor(x: PerTensorQParams, y: PerTensorQParams, relu: boolean): Int8Call {
    const key = [x.scale, x.zeroPoint, y.scale, y.zeroPoint, relu];
    if (!this.last?.key.every((value, i) => value === key[i])) {
      this.cache.clear();
      this.last = { key, call: this.makeCall(x, y, relu) };
    }
    return this.last.call;
  }

  /** The numbers for inputs that are quantized at every call; another range forgets the old packing. */
  dynamicAttrs(reduceRange: boolean): DynamicLinearAttrs {
    if (this.lastDynamic?.reduceRange !== reduceRange) {
      this.cache.clear();
      this.lastDynamic = { weightScale: this.scale, weightZeroPoint: this.zeroPoint, reduceRange };
    }
    return this.lastDynamic;
  }

  private makeCall(x: PerTensorQParams, y: PerTensorQParams, relu: boolean): Int8Call {
    const { weight, bias, hostBias } = this;
    const useCopy = hostBias && !bias?.backend.readSync;
    const values = useCopy ? hostBias : (bias?.dataSync() as Float32Array | undefined);
    return {
      bias: values && tensor(quantizeBias(values, x, weight), { backend: weight.backend }).keep(),
      attrs: {
        xZeroPoint: x.zeroPoint,
        weightZeroPoint: this.zeroPoint,
        multiplier: requantizeMultiplier(this.scale, x, y),
        yZeroPoint: y.zeroPoint,
        ...outputRange(y.zeroPoint, relu),
      },
    };
  }
}
