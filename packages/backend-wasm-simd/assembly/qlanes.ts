import { storeBytes8 } from './lanes';

/** Stores the first `count` bytes; all 16 if there are more. */
// @ts-ignore: decorator
@inline
export function storeBytes16(to: usize, v: v128, count: i32): void {
  if (count >= 16) {
    v128.store(to, v);
    return;
  }
  storeBytes8(to, v, count);
  if (count > 8) storeBytes8(to + 8, v128.shuffle<i64>(v, v, 1, 1), count - 8);
}

/** Σ of so many bytes in a row, as unsigned ones after an exclusive or with `flip`. */
export function sumBytes(at: usize, count: i32, flip: v128): i32 {
  let sums = i32x4.splat(0);
  let i: i32 = 0;
  while (i + 16 <= count) {
    // So many sums of two bytes fit an uint16.
    const until = min(count - 15, i + 128 * 16);
    let pairs = i16x8.splat(0);
    for (; i < until; i += 16) pairs = i16x8.add(pairs, i16x8.extadd_pairwise_i8x16_u(v128.xor(v128.load(at + i), flip)));
    sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(pairs));
  }
  let sum = i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
  const bits = i8x16.extract_lane_u(flip, 0);
  for (; i < count; i++) sum += <i32>(load<u8>(at + i) ^ <u8>bits);
  return sum;
}
