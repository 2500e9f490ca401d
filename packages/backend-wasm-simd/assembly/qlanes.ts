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

/** sumBytes of four rows side by side. */
export function sumBytesOf4(a: usize, b: usize, c: usize, d: usize, count: i32, flip: v128): v128 {
  let s0 = i32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  let i: i32 = 0;
  while (i + 16 <= count) {
    const until = min(count - 15, i + 128 * 16);
    let p0 = i16x8.splat(0), p1 = p0, p2 = p0, p3 = p0;
    for (; i < until; i += 16) {
      p0 = i16x8.add(p0, i16x8.extadd_pairwise_i8x16_u(v128.xor(v128.load(a + i), flip)));
      p1 = i16x8.add(p1, i16x8.extadd_pairwise_i8x16_u(v128.xor(v128.load(b + i), flip)));
      p2 = i16x8.add(p2, i16x8.extadd_pairwise_i8x16_u(v128.xor(v128.load(c + i), flip)));
      p3 = i16x8.add(p3, i16x8.extadd_pairwise_i8x16_u(v128.xor(v128.load(d + i), flip)));
    }
    s0 = i32x4.add(s0, i32x4.extadd_pairwise_i16x8_u(p0));
    s1 = i32x4.add(s1, i32x4.extadd_pairwise_i16x8_u(p1));
    s2 = i32x4.add(s2, i32x4.extadd_pairwise_i16x8_u(p2));
    s3 = i32x4.add(s3, i32x4.extadd_pairwise_i16x8_u(p3));
  }
  const s01 = i32x4.add(v128.shuffle<i32>(s0, s1, 0, 4, 1, 5), v128.shuffle<i32>(s0, s1, 2, 6, 3, 7));
  const s23 = i32x4.add(v128.shuffle<i32>(s2, s3, 0, 4, 1, 5), v128.shuffle<i32>(s2, s3, 2, 6, 3, 7));
  let sums = i32x4.add(v128.shuffle<i32>(s01, s23, 0, 1, 4, 5), v128.shuffle<i32>(s01, s23, 2, 3, 6, 7));
  const bits = i8x16.extract_lane_u(flip, 0);
  for (; i < count; i++) {
    sums = i32x4.add(sums, i32x4(
      <i32>(load<u8>(a + i) ^ bits), <i32>(load<u8>(b + i) ^ bits), <i32>(load<u8>(c + i) ^ bits), <i32>(load<u8>(d + i) ^ bits),
    ));
  }
  return sums;
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
