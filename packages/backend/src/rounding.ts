/** Rounds to the nearest whole number, ties to the even one, as IEEE 754 and PyTorch do (`Math.round` is half-up). */
export function roundHalfEven(x: number): number {
  const r = Math.round(x);
  return r - x === 0.5 && r % 2 !== 0 ? r - 1 : r;
}

/** rint(f32(x * f32(1 / scale))) + zeroPoint, not yet clamped; x and scale are float32 values. */
export function quantizeNumber(x: number, scale: number, zeroPoint: number): number {
  return roundHalfEven(Math.fround(Math.fround(x) * Math.fround(1 / scale))) + zeroPoint;
}
