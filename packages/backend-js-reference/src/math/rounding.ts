export { roundHalfEven } from '@octet/backend';

// The largest double below 1/2: adding 1/2 itself would carry 0.49999999999999994 to 1.
const almostHalf = 0.5 - 2 ** -54;

/** C's `round`: the nearest integer, half-way cases away from zero. Exact for |x| < 2^52. */
export function roundHalfAway(x: number): number {
  return Math.trunc(x < 0 ? x - almostHalf : x + almostHalf);
}

export function clamp(x: number, min: number, max: number): number {
  return Math.min(Math.max(x, min), max);
}
