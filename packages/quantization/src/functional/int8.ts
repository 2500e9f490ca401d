/** What the int8 operations have in common: the numbers that the host works out once, so that all backends agree. */
import { ArgumentError, type Clamp, QuantizationError, roundHalfEven } from '@octet/backend';
import {
  kernel,
  type PerTensorQParams,
  perTensorQParams,
  qparamArrays,
  requirePerTensor,
  type Tensor,
} from '@octet/tensor/functional';

const f32 = Math.fround;

/** Scale and zero point of an int8 operation's output. */
export interface OutputQparams {
  scale: number;
  zeroPoint: number;
}

/** @throws DTypeError unless `x` is quint8, QuantizationError unless per tensor. */
export function requireQuint8(op: string, x: Tensor): PerTensorQParams {
  kernel.requireTensor(op, x);
  if (x.dtype !== 'quint8' || !x.qparams) {
    throw new QuantizationError({
      op,
      expected: 'a quint8 activation',
      found: x.dtype,
      fix: x.qparams
        ? 'Activations are quint8, weights qint8.'
        : 'A float tensor reached an int8 layer: put a QuantStub before it.',
    });
  }
  return requirePerTensor(op, x.qparams);
}

export function outputQparams(op: string, { scale, zeroPoint }: OutputQparams): PerTensorQParams {
  return perTensorQParams(op, 'quint8', scale, zeroPoint);
}

/** Bounds of an int8 operation's output. */
export interface OutputClamp {
  /** In real numbers: the integers stay between those that stand for `min` and `max`. [0, Infinity] is a ReLU, [0, 6] a ReLU6. */
  clamp?: Clamp | undefined;
  /** @deprecated `true` is `clamp: [0, Infinity]`. */
  relu?: boolean;
}

/** The names of the options of `OutputClamp`. */
export const CLAMP_OPTIONS = 'clamp relu';

/** The clamp of a ReLU. */
export const RELU: Clamp = [0, Number.POSITIVE_INFINITY];

/** @throws ArgumentError for a clamp that is no pair of numbers in order, and for one beside `relu: true` */
export function clampOf(op: string, { clamp, relu = false }: OutputClamp): Clamp | undefined {
  kernel.requireClamp(op, clamp);
  if (!relu) return clamp;
  if (clamp === undefined) return RELU;
  throw new ArgumentError({
    op,
    expected: 'clamp or relu',
    found: 'both',
    fix: 'Leave relu out: its bounds are clamp: [0, Infinity].',
  });
}

/** The integers that an output may take. */
export function outputRange(
  y: PerTensorQParams,
  clamp: Clamp = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
): { clampMin: number; clampMax: number } {
  const [clampMin, clampMax] = kernel.quantizedBounds(y, 'quint8', ...clamp);
  return { clampMin, clampMax };
}

/** `f32(f32(sx · sw) · f32(1 / sy))` for each weight scale: QNNPACK multiplies by the reciprocal. */
export function requantizeMultiplier(
  weightScale: Float32Array,
  x: PerTensorQParams,
  y: PerTensorQParams,
): Float32Array {
  const inverse = f32(1 / f32(y.scale));
  return weightScale.map((sw) => f32(f32(f32(x.scale) * sw) * inverse));
}

/** A layer's bias at run time, and the weight scales that it asks for. */
export interface FittedBias {
  /** rint(f32(bias · f32(1 / f32(sx · sw)))), the bias at the scale of the sums. */
  readonly bias: Int32Array;
  /** A scale for each row, where some rows need a coarser one than the weight's; else undefined. */
  readonly scales: Float32Array | undefined;
  /** By how many steps of the output the coarser scales may move it, at most. */
  readonly loss: number;
}

/**
 * The int32 bias. A row whose bias doesn't fit int32 beside the row's largest sum, `255 · Σ |w - zw|`, gets a coarser
 * weight scale, at which it does (docs/numerics.md, "int8 convolution and linear").
 *
 * `rowSums` gives Σ |w - zw| of each row.
 * @throws QuantizationError for a bias that fits at no finite scale: NaN, infinities
 */
export function fitBias(
  op: string,
  bias: Float32Array,
  weight: Tensor,
  rowSums: () => Float64Array,
  x: PerTensorQParams,
  y: PerTensorQParams,
): FittedBias {
  const sx = f32(x.scale);
  const { scale } = weightQparams(weight);
  const scales = Float32Array.from(bias, (_, row) => scale[scale.length === 1 ? 0 : row]);
  const inputs = weight.numel / scales.length;
  const worst = largestSum(weight, scales.length);
  // Rounding to a coarser scale moves a weight by half a step at most. A little more is for float32.
  const room = (INT32_MAX - 127.5 * inputs) * (1 - 1e-6);
  let sums: Float64Array | undefined;
  let raised = false;
  let loss = 0;
  const fitted = Int32Array.from(bias, (b, row) => {
    const at = () => roundHalfEven(f32(b * f32(1 / f32(sx * scales[row]))));
    const fits = (sum: number) => Math.abs(at()) <= INT32_MAX - sum;
    if (fits(worst)) return at();
    if (!sums) sums = rowSums();
    const sum = 255 * sums[row];
    if (fits(sum)) return at();
    const real = sum * sx * scales[row];
    const coarse = Math.max((Math.abs(b) + real) / room, SMALLEST_NORMAL);
    scales[row] = coarse / sx;
    if (!Number.isFinite(scales[row])) {
      throw new QuantizationError({
        op,
        expected: 'finite numbers as biases',
        found: `${b} in row ${row}`,
        fix: 'Mend the float model, or the file.',
      });
    }
    raised = true;
    loss = Math.max(loss, Math.min(real, 127.5 * inputs * coarse) / y.scale);
    return at();
  });
  return { bias: fitted, scales: raised ? scales : undefined, loss };
}

const INT32_MAX = 2 ** 31 - 1;
/** Of float32: it has a reciprocal. */
const SMALLEST_NORMAL = 2 ** -126;

function weightQparams(weight: Tensor) {
  return qparamArrays(weight.qparams as NonNullable<Tensor['qparams']>);
}

/** The outputs of a layer with this weight, [outputs, …], or of a transposed convolution in groups, [inputs, outputs / groups, …]. */
export function outputsOf({ shape }: Tensor, transposed?: number): number {
  return transposed === undefined ? shape[0] : shape[1] * transposed;
}

/** Σ |w - zw| of each output, of the weight's integers in logical order. */
export function rowSumsOf(integers: ArrayLike<number>, weight: Tensor, transposed?: number): Float64Array {
  const { zeroPoint } = weightQparams(weight);
  const sums = new Float64Array(outputsOf(weight, transposed));
  if (transposed !== undefined) {
    const [inputs, each] = weight.shape;
    const taps = weight.numel / (inputs * each);
    for (let i = 0; i < integers.length; i++) {
      const group = Math.floor((Math.floor(i / (taps * each)) * transposed) / inputs);
      sums[group * each + (Math.floor(i / taps) % each)] += Math.abs(integers[i] - zeroPoint[0]);
    }
    return sums;
  }
  const inputs = weight.numel / sums.length;
  for (let row = 0, i = 0; row < sums.length; row++) {
    const zero = zeroPoint[zeroPoint.length === 1 ? 0 : row];
    for (let end = i + inputs; i < end; i++) sums[row] += Math.abs(integers[i] - zero);
  }
  return sums;
}

/** The largest |Σ (x - zx)(w - zw)| that an output can have, whatever the weight's integers. */
function largestSum(weight: Tensor, outputs: number): number {
  const largestWeight = weightQparams(weight).zeroPoint.every((z) => z === 0) ? 128 : 255;
  return (weight.numel / outputs) * 255 * largestWeight;
}

/** @throws QuantizationError if the sum of one of a weight's `outputs` could leave int32 (about 65,000 inputs). */
export function requireExactSums(op: string, weight: Tensor, outputs = weight.shape[0]): void {
  const largest = largestSum(weight, outputs);
  if (largest < INT32_MAX) return;
  throw new QuantizationError({
    op,
    expected: "few enough inputs that int32 can't overflow",
    found: `${weight.numel / outputs} for each output, whose sum could reach ${largest}`,
    fix: 'Split the layer along its inputs, or leave it in float.',
  });
}
