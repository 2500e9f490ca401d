// Adding 1.5 · 2^52 leaves no room for a fraction, and doubles round half to even.
const noFraction = 1.5 * 2 ** 52;

/**
 * C's `rint`: the nearest integer, half-way cases to the even one. Exact for |x| < 2^51; beyond that off by at most a
 * few parts in 2^52, which every caller clamps away. Infinities and NaN stay. (`Math.round` rounds half up.)
 */
export function roundHalfEven(x: number): number {
  return x + noFraction - noFraction;
}

// The largest double below 1/2: adding 1/2 itself would carry 0.49999999999999994 to 1.
const almostHalf = 0.5 - 2 ** -54;

/** C's `round`: the nearest integer, half-way cases away from zero. Exact for |x| < 2^52. */
export function roundHalfAway(x: number): number {
  return Math.trunc(x < 0 ? x - almostHalf : x + almostHalf);
}

export function clamp(x: number, min: number, max: number): number {
  return Math.min(Math.max(x, min), max);
}
