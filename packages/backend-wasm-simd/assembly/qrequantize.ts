// What the int8 kernels share: from int32 sums to bytes.
import { BOUNDED_FLAG } from './constants';

/**
 * Adding 1.5 · 2^23 to a small float leaves no room for a fraction: it rounds half to even, and the low bits are the
 * integer.
 */
export const MAGIC: f32 = 12582912;
/** Its bits. */
export const MAGIC_BITS: i32 = 0x4b400000;

/** The bound of sums times multipliers for which SMALL_FLAG stays set: with any zero point they are integers of 16 bits. */
export const SMALL: f64 = 32512;

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

/** rint(f32(acc) · multiplier) and the even part of the zero point, which rounding half to even allows, in the low bits of float32. */
// @ts-ignore: decorator
@inline
function round4(acc: v128, multiplier: v128, magic: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(acc), multiplier), magic);
}

/**
 * rint(f32(acc) · multiplier) and the even part of the zero point, of 8 int32, as int16: of c0 and c1 in turn. Products must be below
 * SMALL.
 */
// @ts-ignore: decorator
@inline
export function round8(c0: v128, c1: v128, m0: v128, m1: v128, constants: usize): v128 {
  const magic = v128.load(constants);
  return v128.shuffle<i16>(round4(c0, m0, magic), i32x4.shl(round4(c1, m1, magic), 16), 0, 9, 2, 11, 4, 13, 6, 15);
}

/** What `round8` gave twice → bytes within the bounds. bounded: whether BOUNDED_FLAG is set. */
// @ts-ignore: decorator
@inline
export function bytesOf(a: v128, b: v128, constants: usize, bounded: bool): v128 {
  if (!bounded) return i8x16.narrow_i16x8_u(a, b);
  const odd = v128.load(constants, 16);
  const r = i8x16.narrow_i16x8_u(i16x8.add(a, odd), i16x8.add(b, odd));
  return i8x16.min_u(i8x16.max_u(r, v128.load(constants, 32)), v128.load(constants, 48));
}

/** Every second byte. In memory because V8 makes a v128 constant anew at each use. */
const EVEN_ODD: usize = memory.data<u8>([0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15], 16);

/** The even bytes, then the odd ones. */
// @ts-ignore: decorator
@inline
export function evenOdd(v: v128): v128 {
  return RELAXED ? i8x16.relaxed_swizzle(v, v128.load(EVEN_ODD)) : i8x16.swizzle(v, v128.load(EVEN_ODD));
}

/** clamp(rint(f32(acc) · multiplier) + zero point) of 16 int32, as bytes. As round8 and bytesOf say. */
// @ts-ignore: decorator
@inline
export function requantize(
  c0: v128, c1: v128, c2: v128, c3: v128, m0: v128, m1: v128, m2: v128, m3: v128, constants: usize, bounded: bool,
): v128 {
  return evenOdd(bytesOf(round8(c0, c2, m0, m2, constants), round8(c1, c3, m1, m3, constants), constants, bounded));
}

/** The same: those of c0 and c1 in turn, then those of c2 and c3. */
// @ts-ignore: decorator
@inline
export function requantizeInTurn(
  c0: v128, c1: v128, c2: v128, c3: v128, m0: v128, m1: v128, m2: v128, m3: v128, constants: usize, bounded: bool,
): v128 {
  return bytesOf(round8(c0, c1, m0, m1, constants), round8(c2, c3, m2, m3, constants), constants, bounded);
}

/** What `requantize` asks for. */
// @ts-ignore: decorator
@inline
export function isBounded(constants: usize): bool {
  return load<i32>(constants, BOUNDED_FLAG) != 0;
}
