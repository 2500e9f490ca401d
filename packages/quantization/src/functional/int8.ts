/** What the int8 operations have in common: the numbers that the host works out once, so that all backends agree. */
import { QuantizationError, quantRange, roundHalfEven } from '@octet/backend';
import {
  kernel,
  type PerTensorQParams,
  perTensorQParams,
  qparamArrays,
  requirePerTensor,
  type Tensor,
} from '@octet/tensor';

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

/** `f32(f32(sx * sw) / sy)` for each weight scale. */
export function requantizeMultiplier(
  weightScale: Float32Array,
  x: PerTensorQParams,
  y: PerTensorQParams,
): Float32Array {
  return weightScale.map((sw) => f32(f32(f32(x.scale) * sw) / f32(y.scale)));
}

/**
 * The bias as int32 at the scale of the accumulator: rint(bias / f32(sx * sw)), saturated to what int32 leaves beside the
 * largest possible sum, so that no accumulator ever overflows.
 */
export function quantizeBias(bias: Float32Array, x: PerTensorQParams, weight: Tensor): Int32Array {
  const { scale: scales } = weightQparams(weight);
  const limit = INT32_MAX - largestSum(weight);
  return Int32Array.from(bias, (b, i) => {
    const q = roundHalfEven(f32(b / f32(f32(x.scale) * scales[scales.length === 1 ? 0 : i])));
    return Math.min(Math.max(q, -limit), limit);
  });
}

const INT32_MAX = 2 ** 31 - 1;

function weightQparams(weight: Tensor) {
  return qparamArrays(weight.qparams as NonNullable<Tensor['qparams']>);
}

/** The largest |Σ (x - zx)(w - zw)| that a row of the weight can give. */
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
