// Adding 1.5 · 2^52 leaves no room for a fraction, and doubles round half to even.
const noFraction = 1.5 * 2 ** 52;

/**
 * C's `rint`: the nearest integer, half-way cases to the even one, as IEEE 754 and PyTorch round (`Math.round` rounds half
 * up). Exact for |x| < 2^51; beyond that off by at most a few parts in 2^52, which every caller clamps away. Infinities
 * and NaN stay.
 */
export function roundHalfEven(x: number): number {
  return x + noFraction - noFraction;
}

/**
 * Whether a number can be a scale: as float32 it is positive and finite, and so is its reciprocal. The smallest is about
 * 2.94e-39.
 */
export function isScale(value: number): boolean {
  const scale = Math.fround(value);
  return scale > 0 && scale < Infinity && Math.fround(1 / scale) < Infinity;
}

/** rint(f32(x * f32(1 / scale))) + zeroPoint, not yet clamped, for the float32 values of x and scale. */
export function quantizeNumber(x: number, scale: number, zeroPoint: number): number {
  return roundHalfEven(Math.fround(Math.fround(x) * Math.fround(1 / Math.fround(scale)))) + zeroPoint;
}
