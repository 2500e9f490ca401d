// What the int8 kernels share: from int32 sums to bytes.

/** Adding 1.5 · 2^23 to a small float leaves no room for a fraction: it rounds half to even, and the low bits are the integer. */
export const MAGIC: f32 = 12582912;
export const MAGIC_BITS: i32 = 0x4b400000;

/**
 * Bytes of the constants that `requantize` wants beside the multipliers, made by src/kernels/qrequantize.ts: the bounds
 * less the zero point, four times each, float32; and four times MAGIC_BITS less the zero point.
 */
export const REQUANT_BYTES: i32 = 48;

/**
 * clamp(rint(f32(acc) · multiplier) + zero point), four int32. The bounds are whole numbers, so that it is all one whether
 * they are applied before rounding or after. Constants come from memory: in registers they would push the sums out.
 */
// @ts-ignore: decorator
@inline
export function requantize(acc: v128, multiplier: v128, constants: usize): v128 {
  const scaled = f32x4.mul(f32x4.convert_i32x4_s(acc), multiplier);
  const bounded = f32x4.pmin(v128.load(constants, 16), f32x4.pmax(v128.load(constants), scaled));
  return i32x4.sub(f32x4.add(bounded, f32x4.splat(MAGIC)), v128.load(constants, 32));
}
