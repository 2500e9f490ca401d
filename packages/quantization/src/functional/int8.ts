/** What the int8 operations have in common: the numbers that the host works out once, so that all backends agree. */
import { QuantizationError, quantRange, roundHalfEven } from '@octet/backend';
import {
  type PerTensorQParams,
  perTensorQParams,
  qparamArrays,
  requirePerTensor,
  type Tensor,
  tensor,
} from '@octet/tensor';

const f32 = Math.fround;

/** Scale and zero point of an int8 operation's output. */
export interface OutputQparams {
  scale: number;
  zeroPoint: number;
}

/** @throws DTypeError unless `x` is quint8, QuantizationError unless per tensor. */
export function requireQuint8(op: string, x: Tensor): PerTensorQParams {
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
export function requantizeMultiplier(x: PerTensorQParams, weight: Tensor, y: PerTensorQParams): Float32Array {
  return weightScales(weight).map((sw) => f32(f32(f32(x.scale) * sw) / f32(y.scale)));
}

/** The bias as int32 at the scale of the accumulator: rint(bias / f32(sx * sw)), saturated. */
export function quantizeBias(bias: Float32Array, x: PerTensorQParams, weight: Tensor): Int32Array {
  const scales = weightScales(weight);
  const [min, max] = quantRange.qint32;
  return Int32Array.from(bias, (b, i) => {
    const q = roundHalfEven(f32(b / f32(f32(x.scale) * scales[scales.length === 1 ? 0 : i])));
    return Math.min(Math.max(q, min), max);
  });
}

export function weightScales(weight: Tensor): Float32Array {
  return qparamArrays(weight.qparams as NonNullable<Tensor['qparams']>).scale;
}

export function weightZeroPoints(weight: Tensor): Int32Array {
  return qparamArrays(weight.qparams as NonNullable<Tensor['qparams']>).zeroPoint;
}

/** @throws QuantizationError if sums of `k` products of 8-bit numbers could leave int32. */
export function requireExactSums(op: string, k: number): void {
  const limit = Math.floor((2 ** 31 - 1) / (255 * 255));
  if (k <= limit) return;
  throw new QuantizationError({
    op,
    expected: `at most ${limit} products in a sum, so that int32 can't overflow`,
    found: String(k),
    fix: 'Split the layer along its inputs, or leave it in float.',
  });
}

export function int32Tensor(values: Int32Array, like: Tensor): Tensor {
  return tensor(values, { backend: like.backend });
}
