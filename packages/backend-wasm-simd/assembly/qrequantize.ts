// What the int8 kernels share: from int32 sums to bytes.

/**
 * Adding 1.5 · 2^23 to a small float leaves no room for a fraction: it rounds half to even, and the low bits are the
 * integer.
 */
export const MAGIC: f32 = 12582912;

/** The bound of sums times multipliers for which SMALL_FLAG stays set. */
export const SMALL: f64 = 2097152;

/** rint(f32(acc) · multiplier) + zero point, four int32; right while the product is below 2^22. */
// @ts-ignore: decorator
@inline
function round4(scaled: v128, magic: v128, offset: v128): v128 {
  return i32x4.sub(f32x4.add(scaled, magic), offset);
}

// @ts-ignore: decorator
@inline
function scale4(acc: v128, multiplier: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(acc), multiplier);
}

// Where products may be large, sums and multipliers are bounded first, so that the bytes are the same:

/** A multiplier by which no sum but 0 stays within bounds is as good as a larger one. */
// @ts-ignore: decorator
@inline
export function limitMultiplier(multiplier: v128): v128 {
  return f32x4.pmin(multiplier, f32x4.splat(<f32>SMALL / 2));
}

/** A sum that times such a multiplier is past all bounds and yet small. */
// @ts-ignore: decorator
@inline
export function limitOf(multiplier: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.div(f32x4.splat(<f32>SMALL / 2), multiplier));
}

// @ts-ignore: decorator
@inline
export function limit(acc: v128, most: v128): v128 {
  return i32x4.max_s(i32x4.min_s(acc, most), i32x4.neg(most));
}

/** clamp(rint(f32(acc) · multiplier) + zero point) of 16 int32, as bytes. Products must be small. */
// @ts-ignore: decorator
@inline
export function requantize(
  c0: v128, c1: v128, c2: v128, c3: v128, m0: v128, m1: v128, m2: v128, m3: v128, constants: usize,
): v128 {
  const magic = v128.load(constants);
  const offset = v128.load(constants, 16);
  const r = i8x16.narrow_i16x8_u(
    i16x8.narrow_i32x4_s(round4(scale4(c0, m0), magic, offset), round4(scale4(c1, m1), magic, offset)),
    i16x8.narrow_i32x4_s(round4(scale4(c2, m2), magic, offset), round4(scale4(c3, m3), magic, offset)),
  );
  return i8x16.min_u(i8x16.max_u(r, v128.load(constants, 32)), v128.load(constants, 48));
}
