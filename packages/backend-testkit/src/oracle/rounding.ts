import type { RequantizeAttrs } from '@octet/backend';

/** Rounds as IEEE's default mode does, by cases. */
export function rint(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The number of [min, max] nearest to x; NaN of NaN. */
export function clamp(x: number, min: number, max: number): number {
  return Math.min(Math.max(x, min), max);
}

/** What a kernel with the attribute `clamp` makes of its result. */
export function clamped(x: number, bounds: readonly [min: number, max: number] | undefined): number {
  return bounds ? clamp(x, ...bounds) : x;
}

/** The element of channel c, where there may be one for all. */
export function ofChannel(values: Int32Array | Float32Array, c: number): number {
  return values[values.length > 1 ? c : 0];
}

/** `clamp(rint(f32(f32(sum) · multiplier)) + yZeroPoint, clampMin, clampMax)` */
export function requantized(sum: number, channel: number, attrs: RequantizeAttrs): number {
  const scaled = Math.fround(Math.fround(sum) * ofChannel(attrs.multiplier, channel));
  return clamp(rint(scaled) + attrs.yZeroPoint, attrs.clampMin, attrs.clampMax);
}

// Scales are float32 values; smaller ones than 6.1e-5 would lose too much in half precision.
const smallestScale = Math.fround(6.1e-5);

/** Scale and zero point of a tensor's own range, for integers of 0 to `most`: docs/numerics.md "Fused observer qparams". */
export function dynamicQparams(
  values: ArrayLike<number>,
  most: number,
): { scale: number; zeroPoint: number } {
  const numbers = Array.from(values);
  let min = numbers.reduce((a, b) => Math.min(a, b), 0);
  let max = numbers.reduce((a, b) => Math.max(a, b), 0);
  if (!Number.isFinite(max - min)) return { scale: Number.NaN, zeroPoint: 0 };
  let scale = (max - min) / most;
  if (Math.fround(scale) === 0 || Math.fround(1 / Math.fround(scale)) === Infinity) scale = 0.1;
  if (scale < smallestScale) {
    // The range grows with its scale.
    const growth = Math.fround(smallestScale / Math.fround(scale));
    if (min === 0) max = Math.fround(smallestScale * most);
    else if (max === 0) min = Math.fround(-smallestScale * most);
    else [min, max] = [Math.fround(min * growth), Math.fround(max * growth)];
    scale = smallestScale;
  }
  // Of the end that a rounded zero point moves less.
  const zeroPoint = -Math.abs(min / scale) < most - Math.abs(max / scale) ? -min / scale : most - max / scale;
  return { scale: Math.fround(scale), zeroPoint: clamp(rint(zeroPoint), 0, most) };
}

/** The integers of a tensor by its own range, 0..255, with `reduceRange` 0..127. */
export function dynamicIntegers(values: ArrayLike<number>, reduceRange: boolean) {
  const most = reduceRange ? 127 : 255;
  const { scale, zeroPoint } = dynamicQparams(values, most);
  const inverse = Math.fround(1 / scale);
  const integers = Array.from(values, (v) => clamp(rint(Math.fround(v * inverse)) + zeroPoint, 0, most));
  return { scale, zeroPoint, integers };
}

/** `f32(f32(f32(sum) · f32(multiplier)) + bias)` */
export function scaled(sum: number, multiplier: number, bias = 0): number {
  return Math.fround(Math.fround(Math.fround(sum) * Math.fround(multiplier)) + bias);
}
