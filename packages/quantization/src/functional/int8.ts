/** What the int8 operations have in common: the numbers that the host works out once, so that all backends agree. */
import { QuantizationError, quantRange, roundHalfEven } from '@octet/backend';
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

/** The integers an output may take; a fused ReLU clamps at the zero point. */
export function outputRange(zeroPoint: number, relu: boolean): { clampMin: number; clampMax: number } {
  const [min, max] = quantRange.quint8;
  return { clampMin: relu ? Math.max(zeroPoint, min) : min, clampMax: max };
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
  const worst = largestSum(weight);
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

/** Σ |w - zw| of each row, of the weight's integers in logical order. */
export function rowSumsOf(integers: ArrayLike<number>, weight: Tensor): Float64Array {
  const { zeroPoint } = weightQparams(weight);
  const sums = new Float64Array(weight.shape[0]);
  const inputs = weight.numel / sums.length;
  for (let row = 0, i = 0; row < sums.length; row++) {
    const zero = zeroPoint[zeroPoint.length === 1 ? 0 : row];
    for (let end = i + inputs; i < end; i++) sums[row] += Math.abs(integers[i] - zero);
  }
  return sums;
}

/** The largest |Σ (x - zx)(w - zw)| that a row of the weight can give, whatever its integers. */
function largestSum(weight: Tensor): number {
  const largestWeight = weightQparams(weight).zeroPoint.every((z) => z === 0) ? 128 : 255;
  return (weight.numel / weight.shape[0]) * 255 * largestWeight;
}

/** @throws QuantizationError if a sum of the weight's rows could leave int32 (about 65,000 inputs). */
export function requireExactSums(op: string, weight: Tensor): void {
  const largest = largestSum(weight);
  if (largest < INT32_MAX) return;
  throw new QuantizationError({
    op,
    expected: "few enough inputs that int32 can't overflow",
    found: `${weight.numel / weight.shape[0]} for each output, whose sum could reach ${largest}`,
    fix: 'Split the layer along its inputs, or leave it in float.',
  });
}
