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

// @ts-ignore: decorator
@inline
function bound4(v: v128, low: v128, high: v128): v128 {
  return f32x4.pmin(high, f32x4.pmax(low, v));
}

/**
 * clamp(rint(f32(acc) · multiplier) + zero point) of 16 int32, as bytes. Products that may be large have to be bounded
 * before they are rounded; bounds are whole numbers, so that it is all one. Small ones are bounded when they are bytes.
 */
// @ts-ignore: decorator
@inline
export function requantize(
  c0: v128, c1: v128, c2: v128, c3: v128, m0: v128, m1: v128, m2: v128, m3: v128, constants: usize, small: bool,
): v128 {
  const magic = v128.load(constants);
  const offset = v128.load(constants, 16);
  c0 = scale4(c0, m0);
  c1 = scale4(c1, m1);
  c2 = scale4(c2, m2);
  c3 = scale4(c3, m3);
  if (!small) {
    const low = v128.load(constants, 64);
    const high = v128.load(constants, 80);
    c0 = bound4(c0, low, high);
    c1 = bound4(c1, low, high);
    c2 = bound4(c2, low, high);
    c3 = bound4(c3, low, high);
  }
  const r = i8x16.narrow_i16x8_u(
    i16x8.narrow_i32x4_s(round4(c0, magic, offset), round4(c1, magic, offset)),
    i16x8.narrow_i32x4_s(round4(c2, magic, offset), round4(c3, magic, offset)),
  );
  return i8x16.min_u(i8x16.max_u(r, v128.load(constants, 32)), v128.load(constants, 48));
}
