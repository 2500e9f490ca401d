// Loads and stores of less than a whole vector. Reading up to 64 bytes past the end of a buffer is always allowed (the
// heap leaves room), so that loads need no such care; writing past the end never is.

/** Stores the first `count` lanes of 32 bits; all four if there are more. */
// @ts-ignore: decorator
@inline
export function storeLanes32(to: usize, v: v128, count: i32): void {
  if (count >= 4) {
    v128.store(to, v);
    return;
  }
  if (count & 2) {
    v128.store64_lane(to, v, 0);
    if (count & 1) v128.store32_lane(to, v, 2, 8);
  } else if (count & 1) v128.store32_lane(to, v, 0);
}

/** Stores the first `count` (at most 8) bytes. */
// @ts-ignore: decorator
@inline
export function storeBytes8(to: usize, v: v128, count: i32): void {
  if (count >= 8) {
    v128.store64_lane(to, v, 0);
    return;
  }
  let bits = i64x2.extract_lane(v, 0);
  if (count & 4) {
    store<i32>(to, <i32>bits);
    bits >>= 32;
    to += 4;
  }
  if (count & 2) {
    store<i16>(to, <i16>bits);
    bits >>= 16;
    to += 2;
  }
  if (count & 1) store<i8>(to, <i8>bits);
}

/** The first `count` lanes of 32 bits of v, the others those of `other`. */
// @ts-ignore: decorator
@inline
export function keepLanes(v: v128, count: i32, other: v128): v128 {
  return v128.bitselect(v, other, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count)));
}

/** The first `count` lanes of 32 bits of v, the others 0. */
// @ts-ignore: decorator
@inline
export function firstLanes(v: v128, count: i32): v128 {
  return v128.and(v, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count)));
}

/** f32(f32(acc) · scale) + bias, where scale is f32(scale · weight scale). */
// @ts-ignore: decorator
@inline
export function toFloat(v: v128, scale: v128, bias: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(v), scale), bias);
}

/** Up to 4 rows of up to 8 bytes: those of `low` and of `high`. Not inlined: for the last rows or outputs alone. */
export function storeRows(to: usize, stride: i32, rows: i32, count: i32, low: v128, high: v128): void {
  storeBytes8(to, low, count);
  if (rows > 1) storeBytes8(to + stride, v128.shuffle<i64>(low, low, 1, 1), count);
  if (rows > 2) storeBytes8(to + (<usize>stride << 1), high, count);
  if (rows > 3) storeBytes8(to + <usize>stride * 3, v128.shuffle<i64>(high, high, 1, 1), count);
}
