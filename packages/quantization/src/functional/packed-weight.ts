import {
  type Clamp,
  DTypeError,
  type DynamicLinearAttrs,
  PrepackCache,
  QuantizationError,
  type RequantizeAttrs,
  warn,
} from '@octet/backend';
import {
  asImage,
  dequantize,
  kernel,
  noGrad,
  type PerTensorQParams,
  type QParams,
  qparamArrays,
  quantizePerChannel,
  quantizePerTensor,
  type Tensor,
  tensor,
} from '@octet/tensor/functional';
import { fitBias, outputRange, outputsOf, requantizeMultiplier, requireExactSums, rowSumsOf } from './int8';

/** What a layer's int8 kernel needs beside its input, for one input scale and one output. */
export interface Int8Call {
  /** The weight as kernels see it, coarser where the bias asks for that. */
  readonly weight: kernel.Operand;
  /** int32, at the scale of the sums. */
  readonly bias: Tensor | undefined;
  readonly attrs: RequantizeAttrs;
}

/** What the int32 bias is made of, on the host: for a backend that can't be read at once. */
export interface HostCopy {
  bias: Float32Array;
  /** Σ |w - zw| of each row of the weight. */
  rowSums: Float64Array;
}

/**
 * The int8 weight and float bias of one layer, with everything made of them once and kept: the weight in the order that
 * kernels take, the int32 bias, the multipliers, and the backend's own packing.
 */
export class PackedWeight {
  readonly cache = new PrepackCache();
  /** The weight as kernels see it, at its own scale. */
  readonly operand: kernel.Operand;
  readonly scale: Float32Array;
  readonly zeroPoint: Int32Array;
  private last: { key: readonly unknown[]; call: Int8Call } | undefined;
  /** Whether it has said that coarser weights move the output. */
  private warned = false;
  private lastDynamic: DynamicLinearAttrs | undefined;

  /**
   * weight qint8 [outputs, …] (per tensor, or per channel along dim 0); bias float32 [outputs]. `op` names the layer.
   *
   * `transposed`: the groups of a transposed convolution, whose weight is [inputs, outputs / groups, …], per tensor.
   * @throws DTypeError for another dtype, QuantizationError if sums could leave int32, or for a transposed convolution's weight that is
   * quantized per channel
   */
  constructor(
    private readonly op: string,
    readonly weight: Tensor,
    readonly bias: Tensor | undefined,
    private readonly host?: HostCopy,
    private readonly transposed?: number,
  ) {
    if (weight.dtype !== 'qint8' || !weight.qparams) {
      throw new DTypeError({
        op,
        expected: 'a qint8 weight',
        found: weight.dtype,
        fix: 'Quantize it with quantizePerTensor or quantizePerChannel to qint8.',
      });
    }
    if (transposed !== undefined) requireOneScale(op, weight);
    requireExactSums(op, weight, outputsOf(weight, transposed));
    const { scale, zeroPoint } = qparamArrays(weight.qparams);
    this.scale = scale;
    this.zeroPoint = zeroPoint;
    this.operand = operandOf(weight);
  }

  /**
   * The call for an input quantized as `x` and an output as `y`, between the real numbers of `clamp`. Other ones than the last call's
   * drop its packing.
   * @throws ArgumentError for a clamp that is no pair of numbers in order
   */
  callFor(x: PerTensorQParams, y: PerTensorQParams, clamp?: Clamp): Int8Call {
    kernel.requireClamp(this.op, clamp);
    const key = [x.scale, x.zeroPoint, y.scale, y.zeroPoint, clamp?.[0], clamp?.[1]];
    if (!this.last?.key.every((value, i) => value === key[i])) {
      this.cache.clear();
      this.last = { key, call: this.makeCall(x, y, clamp) };
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

  /** @throws QuantizationError unless it was packed for a transposed convolution in so many groups */
  requireTransposed(op: string, groups: number): void {
    if (this.transposed === groups) return;
    throw new QuantizationError({
      op,
      expected: `a weight packed with transposed: ${groups}`,
      found: this.transposed === undefined ? 'one for another layer' : `transposed: ${this.transposed}`,
      fix: 'new PackedWeight(op, weight, bias, undefined, groups) makes one.',
    });
  }

  private makeCall(x: PerTensorQParams, y: PerTensorQParams, clamp: Clamp | undefined): Int8Call {
    let fitted = this.fitBias(x, y);
    let scales = fitted?.scales;
    const coarse = scales && this.coarser(scales);
    if (scales && coarse && this.transposed !== undefined) {
      // One scale for all: the other outputs' biases are at it too.
      fitted = this.fitBias(x, y, coarse);
      scales = qparamArrays(coarse.qparams as QParams).scale;
    }
    return {
      weight: coarse ? operandOf(coarse) : this.operand,
      bias: fitted && tensor(fitted.bias, { backend: this.weight.backend }).keep(),
      attrs: {
        xZeroPoint: x.zeroPoint,
        weightZeroPoint: this.zeroPoint,
        multiplier: requantizeMultiplier(scales ?? this.scale, x, y),
        yZeroPoint: y.zeroPoint,
        ...outputRange(y, clamp),
      },
    };
  }

  private fitBias(x: PerTensorQParams, y: PerTensorQParams, weight = this.weight) {
    const { op, bias, host, transposed } = this;
    if (!bias) return undefined;
    const copy = bias.backend.readSync ? undefined : host;
    const values = copy?.bias ?? (bias.dataSync() as Float32Array);
    const rowSums = () => copy?.rowSums ?? rowSumsOf(weight.dataSync(), weight, transposed);
    const fitted = fitBias(op, values, weight, rowSums, x, y);
    if (fitted.loss > 0.5 && !this.warned) {
      this.warned = true;
      warn(
        `${op}: biases too large for int32 at the scale of the weights: coarser weights may move outputs by ` +
          `${fitted.loss.toPrecision(2)} steps. Calibrate with real inputs, or leave it in float.`,
      );
    }
    return fitted;
  }

  /** The weight at other scales, one a row; a transposed convolution's at the coarsest. */
  private coarser(scales: Float32Array): Tensor {
    if (this.transposed !== undefined) {
      const coarsest = Math.max(...scales);
      return noGrad(() => quantizePerTensor(dequantize(this.weight), coarsest, this.zeroPoint[0], 'qint8'));
    }
    const zeroPoints = Int32Array.from(scales, (_, i) => this.zeroPoint[this.zeroPoint.length === 1 ? 0 : i]);
    return noGrad(() => quantizePerChannel(dequantize(this.weight), scales, zeroPoints, 0, 'qint8'));
  }
}

function requireOneScale(op: string, weight: Tensor): void {
  if (weight.qparams?.scheme === 'perTensor') return;
  throw new QuantizationError({
    op,
    expected: 'a transposed convolution with one scale for its weight',
    found: 'one quantized per channel',
    fix: 'Quantize it per tensor: defaultWeightObserver.',
  });
}

function operandOf(weight: Tensor): kernel.Operand {
  const operand =
    weight.dim > 2
      ? kernel.nhwc(kernel.channelsLast(asImage(weight)))
      : kernel.asOperand(kernel.contiguous(weight), weight.shape);
  // The first call may be in a scope.
  operand.tensor.keep();
  return operand;
}
