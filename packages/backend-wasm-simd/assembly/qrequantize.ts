// What the int8 kernels share: from int32 sums to bytes.

/** Adding 1.5 · 2^23 to a small float leaves no room for a fraction: it rounds half to even, and the low bits are the integer. */
export const MAGIC: f32 = 12582912;
export const MAGIC_BITS: i32 = 0x4b400000;

/**
 * Bytes of the constants that `requantize` wants beside the multipliers, made by src/kernels/qrequantize.ts: the bounds
 * less the zero point, four times each, float32; MAGIC four times; and its bits less the zero point four times. Constants in
 * the code would be put together anew at each use.
 */
export const REQUANT_BYTES: i32 = 64;

/**
 * clamp(rint(f32(acc) · multiplier) + zero point), four int32. The bounds are whole numbers, so that it is all one whether
 * they are applied before rounding or after.
 */
// @ts-ignore: decorator
@inline
export function requantize(acc: v128, multiplier: v128, low: v128, high: v128, magic: v128, offset: v128): v128 {
  const scaled = f32x4.mul(f32x4.convert_i32x4_s(acc), multiplier);
  return i32x4.sub(f32x4.add(f32x4.pmin(high, f32x4.pmax(low, scaled)), magic), offset);
}

/** The same of eight, as int16. */
// @ts-ignore: decorator
@inline
export function requantize8(c0: v128, c1: v128, m0: v128, m1: v128, low: v128, high: v128, magic: v128, offset: v128): v128 {
  return i16x8.narrow_i32x4_s(requantize(c0, m0, low, high, magic, offset), requantize(c1, m1, low, high, magic, offset));
}
