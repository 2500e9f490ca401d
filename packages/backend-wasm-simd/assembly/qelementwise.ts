// Elementwise int8 kernels. A unit of work is a block of BLOCK elements.
import { QELEMENTWISE_BLOCK as BLOCK } from './constants';
import { storeBytes16 } from './qlanes';
import { requantize } from './qrequantize';

/**
 * (highs · ab · 2^11 + lows · ab + offset) / 2^shift, halves away from zero: pairs of a and b, interleaved, times A
 * and B cut into 11 bits each. Of the shift, 1 bit is `last`, and only it rounds: so nothing overflows.
 */
// @ts-ignore: decorator
@inline
function addPair(ab: v128, highs: v128, lows: v128, offset: v128, shift: i32, last: i32): v128 {
  let sum = i32x4.shl(i32x4.dot_i16x8_s(ab, highs), 11);
  sum = i32x4.add(i32x4.add(sum, i32x4.dot_i16x8_s(ab, lows)), offset);
  if (last) {
    sum = i32x4.shr_s(i32x4.add(sum, i32x4.shr_s(sum, 31)), shift - 1);
    sum = i32x4.shr_s(i32x4.sub(sum, i32x4.splat(-1)), 1);
  }
  return sum;
}

/**
 * y [n] uint8 = clamp(roundHalfAway((A (a - aZeroPoint) + B (b - bZeroPoint)) / 2^shift) + yZeroPoint); offset is the
 * sum at 0, 0.
 */
export function qadd(
  a: usize, b: usize, y: usize, n: i32, aMultiplier: i32, bMultiplier: i32, offset: i32, shift: i32,
  yZeroPoint: i32, clampMin: i32, clampMax: i32, begin: i32, end: i32, thread: i32,
): void {
  const last = min(n, end * BLOCK);
  const highs = i32x4.splat((aMultiplier >> 11) | ((bMultiplier >> 11) << 16));
  const lows = i32x4.splat((aMultiplier & 2047) | ((bMultiplier & 2047) << 16));
  const base = i32x4.splat(offset);
  const zero = i16x8.splat(<i16>yZeroPoint);
  const low = i8x16.splat(<i8>clampMin);
  const high = i8x16.splat(<i8>clampMax);
  const rounds = shift > 0 ? 1 : 0;
  for (let i = begin * BLOCK; i < last; i += 16) {
    const va = v128.load(a + i);
    const vb = v128.load(b + i);
    const p = v128.shuffle<i8>(va, vb, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const q = v128.shuffle<i8>(va, vb, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    const r0 = i16x8.narrow_i32x4_s(
      addPair(i16x8.extend_low_i8x16_u(p), highs, lows, base, shift, rounds),
      addPair(i16x8.extend_high_i8x16_u(p), highs, lows, base, shift, rounds),
    );
    const r1 = i16x8.narrow_i32x4_s(
      addPair(i16x8.extend_low_i8x16_u(q), highs, lows, base, shift, rounds),
      addPair(i16x8.extend_high_i8x16_u(q), highs, lows, base, shift, rounds),
    );
    const r = i8x16.narrow_i16x8_u(i16x8.add_sat_s(r0, zero), i16x8.add_sat_s(r1, zero));
    storeBytes16(y + i, i8x16.min_u(i8x16.max_u(r, low), high), last - i);
  }
}

/** y [n] uint8 = clamp(rint(f32((a - aZeroPoint)(b - bZeroPoint)) · multiplier) + zero point): see qrequantize.ts. */
export function qmul(
  a: usize, b: usize, y: usize, n: i32, aZeroPoint: i32, bZeroPoint: i32, multiplier: f32, constants: usize,
  begin: i32, end: i32, thread: i32,
): void {
  const last = min(n, end * BLOCK);
  const aZero = i16x8.splat(<i16>aZeroPoint);
  const bZero = i16x8.splat(<i16>bZeroPoint);
  const m = f32x4.splat(multiplier);
  for (let i = begin * BLOCK; i < last; i += 16) {
    const va = v128.load(a + i);
    const vb = v128.load(b + i);
    const a0 = i16x8.sub(i16x8.extend_low_i8x16_u(va), aZero);
    const a1 = i16x8.sub(i16x8.extend_high_i8x16_u(va), aZero);
    const b0 = i16x8.sub(i16x8.extend_low_i8x16_u(vb), bZero);
    const b1 = i16x8.sub(i16x8.extend_high_i8x16_u(vb), bZero);
    const r = requantize(
      i32x4.extmul_low_i16x8_s(a0, b0), i32x4.extmul_high_i16x8_s(a0, b0),
      i32x4.extmul_low_i16x8_s(a1, b1), i32x4.extmul_high_i16x8_s(a1, b1), m, m, m, m, constants, false,
    );
    storeBytes16(y + i, r, last - i);
  }
}

/** y [n] = table[x ^ flip], bytes; flip is 128 where x is signed. */
export function qlookup(x: usize, table: usize, y: usize, n: i32, flip: i32, begin: i32, end: i32, thread: i32): void {
  const last = min(n, end * BLOCK);
  let i = begin * BLOCK;
  for (; i + 8 <= last; i += 8) {
    const from = x + i;
    const to = y + i;
    store<u8>(to, load<u8>(table + (<usize>load<u8>(from) ^ flip)));
    store<u8>(to, load<u8>(table + (<usize>load<u8>(from, 1) ^ flip)), 1);
    store<u8>(to, load<u8>(table + (<usize>load<u8>(from, 2) ^ flip)), 2);
    store<u8>(to, load<u8>(table + (<usize>load<u8>(from, 3) ^ flip)), 3);
    store<u8>(to, load<u8>(table + (<usize>load<u8>(from, 4) ^ flip)), 4);
    store<u8>(to, load<u8>(table + (<usize>load<u8>(from, 5) ^ flip)), 5);
    store<u8>(to, load<u8>(table + (<usize>load<u8>(from, 6) ^ flip)), 6);
    store<u8>(to, load<u8>(table + (<usize>load<u8>(from, 7) ^ flip)), 7);
  }
  for (; i < last; i++) store<u8>(y + i, load<u8>(table + (<usize>load<u8>(x + i) ^ flip)));
}

/** clamp(rint(f32(q · m) + shift)) of four channels, as int32, before the zero point; m by the sign of q. */
// @ts-ignore: decorator
@inline
function affine4(q: v128, numbers: usize, low: v128, high: v128, magic: v128, offset: v128): v128 {
  const m = v128.bitselect(v128.load(numbers), v128.load(numbers, 64), i32x4.gt_s(q, i32x4.splat(0)));
  const v = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(q), m), v128.load(numbers, 128));
  return i32x4.sub(f32x4.add(f32x4.pmin(high, f32x4.pmax(low, v)), magic), offset);
}

/**
 * y [rows, channels] uint8 = clamp(rint(f32(f32((x - xZeroPoint) · m) + shift)) + zero point). `numbers` has 16 channels after 16 channels:
 * 16 multipliers for positive integers, 16 for the others, 16 shifts. A unit is `step` rows.
 */
export function qaffine(
  x: usize, y: usize, rows: i32, channels: i32, step: i32, xZeroPoint: i32, numbers: usize, constants: usize, begin: i32,
  end: i32, thread: i32,
): void {
  const last = min(rows, end * step);
  const magic = v128.load(constants);
  const offset = v128.load(constants, 16);
  const low = v128.load(constants, 64);
  const high = v128.load(constants, 80);
  const zero = i16x8.splat(<i16>xZeroPoint);
  for (let r = begin * step; r < last; r++) {
    const from = x + <usize>(r * channels);
    const to = y + <usize>(r * channels);
    let n = numbers;
    for (let c = 0; c < channels; c += 16) {
      const v = v128.load(from + c);
      const q0 = i16x8.sub(i16x8.extend_low_i8x16_u(v), zero);
      const q1 = i16x8.sub(i16x8.extend_high_i8x16_u(v), zero);
      const a = affine4(i32x4.extend_low_i16x8_s(q0), n, low, high, magic, offset);
      const b = affine4(i32x4.extend_high_i16x8_s(q0), n + 16, low, high, magic, offset);
      const d = affine4(i32x4.extend_low_i16x8_s(q1), n + 32, low, high, magic, offset);
      const e = affine4(i32x4.extend_high_i16x8_s(q1), n + 48, low, high, magic, offset);
      storeBytes16(to + c, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(d, e)), channels - c);
      n += 192;
    }
  }
}
