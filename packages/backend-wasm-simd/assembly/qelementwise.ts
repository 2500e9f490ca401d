// Elementwise int8 kernels. A unit of work is a block of BLOCK elements.
import { QELEMENTWISE_BLOCK as BLOCK } from './constants';
import { storeBytes16 } from './qlanes';
import { limit, limitMultiplier, limitOf, requantize } from './qrequantize';

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
  const m = limitMultiplier(f32x4.splat(multiplier));
  const l = limitOf(m);
  for (let i = begin * BLOCK; i < last; i += 16) {
    const va = v128.load(a + i);
    const vb = v128.load(b + i);
    const a0 = i16x8.sub(i16x8.extend_low_i8x16_u(va), aZero);
    const a1 = i16x8.sub(i16x8.extend_high_i8x16_u(va), aZero);
    const b0 = i16x8.sub(i16x8.extend_low_i8x16_u(vb), bZero);
    const b1 = i16x8.sub(i16x8.extend_high_i8x16_u(vb), bZero);
    const r = requantize(
      limit(i32x4.extmul_low_i16x8_s(a0, b0), l), limit(i32x4.extmul_high_i16x8_s(a0, b0), l),
      limit(i32x4.extmul_low_i16x8_s(a1, b1), l), limit(i32x4.extmul_high_i16x8_s(a1, b1), l), m, m, m, m, constants,
    );
    storeBytes16(y + i, r, last - i);
  }
}

/** y [n] = table[x], bytes: of signed ones the table begins with 0. */
export function qlookup(x: usize, table: usize, y: usize, n: i32, begin: i32, end: i32, thread: i32): void {
  const last = min(n, end * BLOCK);
  let i = begin * BLOCK;
  for (; i + 8 <= last; i += 8) {
    const from = x + i;
    const to = y + i;
    store<u8>(to, load<u8>(table + (<usize>load<u8>(from))));
    store<u8>(to, load<u8>(table + (<usize>load<u8>(from, 1))), 1);
    store<u8>(to, load<u8>(table + (<usize>load<u8>(from, 2))), 2);
    store<u8>(to, load<u8>(table + (<usize>load<u8>(from, 3))), 3);
    store<u8>(to, load<u8>(table + (<usize>load<u8>(from, 4))), 4);
    store<u8>(to, load<u8>(table + (<usize>load<u8>(from, 5))), 5);
    store<u8>(to, load<u8>(table + (<usize>load<u8>(from, 6))), 6);
    store<u8>(to, load<u8>(table + (<usize>load<u8>(from, 7))), 7);
  }
  for (; i < last; i++) store<u8>(y + i, load<u8>(table + (<usize>load<u8>(x + i))));
}

/** rint(f32(q · m) + shift) of four channels, int32, with the zero point; between low and high where they may be large. */
// @ts-ignore: decorator
@inline
function affine4(q: v128, m: v128, shift: v128, small: bool, low: v128, high: v128, magic: v128, offset: v128): v128 {
  let v = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(q), m), shift);
  if (!small) v = f32x4.pmin(high, f32x4.pmax(low, v));
  return i32x4.sub(f32x4.add(v, magic), offset);
}

// @ts-ignore: decorator
@inline
function bySign(q: v128, positive: v128, negative: v128, signs: bool): v128 {
  return signs ? v128.bitselect(positive, negative, i32x4.gt_s(q, i32x4.splat(0))) : positive;
}

// @ts-ignore: decorator
@inline
function affineRows(
  signs: bool, small: bool, x: usize, y: usize, rows: i32, channels: i32, step: i32, xZeroPoint: i32, numbers: usize,
  constants: usize, begin: i32, end: i32,
): void {
  const last = min(rows, end * step);
  const magic = v128.load(constants);
  const offset = v128.load(constants, 16);
  const lowest = v128.load(constants, 32);
  const highest = v128.load(constants, 48);
  const low = v128.load(constants, 64);
  const high = v128.load(constants, 80);
  const zero = i16x8.splat(<i16>xZeroPoint);
  for (let first = begin * step; first < last; first += step) {
    const until = min(last, first + step);
    let n = numbers;
    for (let c = 0; c < channels; c += 16, n += 192) {
      const left = channels - c;
      let at = <usize>(first * channels + c);
      for (let r = first; r < until; r++, at += channels) {
        const v = v128.load(x + at);
        const q0 = i16x8.sub(i16x8.extend_low_i8x16_u(v), zero);
        const q1 = i16x8.sub(i16x8.extend_high_i8x16_u(v), zero);
        const a = i32x4.extend_low_i16x8_s(q0);
        const b = i32x4.extend_high_i16x8_s(q0);
        const d = i32x4.extend_low_i16x8_s(q1);
        const e = i32x4.extend_high_i16x8_s(q1);
        const ma = bySign(a, v128.load(n), v128.load(n, 64), signs);
        const mb = bySign(b, v128.load(n, 16), v128.load(n, 80), signs);
        const md = bySign(d, v128.load(n, 32), v128.load(n, 96), signs);
        const me = bySign(e, v128.load(n, 48), v128.load(n, 112), signs);
        const ra = affine4(a, ma, v128.load(n, 128), small, low, high, magic, offset);
        const rb = affine4(b, mb, v128.load(n, 144), small, low, high, magic, offset);
        const rd = affine4(d, md, v128.load(n, 160), small, low, high, magic, offset);
        const re = affine4(e, me, v128.load(n, 176), small, low, high, magic, offset);
        const bytes = i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(ra, rb), i16x8.narrow_i32x4_s(rd, re));
        storeBytes16(y + at, i8x16.min_u(i8x16.max_u(bytes, lowest), highest), left);
      }
    }
  }
}

/**
 * y [rows, channels] uint8 = clamp(rint(f32(f32((x - xZeroPoint) · m) + shift)) + zero point). `numbers` has 16 channels after 16 channels:
 * 16 multipliers for positive integers, 16 for the others, 16 shifts. `form`: 1 where the two multipliers differ, 2 where all that is
 * rounded lies within ±2^21. A unit is `step` rows.
 */
export function qaffine(
  x: usize, y: usize, rows: i32, channels: i32, step: i32, xZeroPoint: i32, numbers: usize, constants: usize, form: i32,
  begin: i32, end: i32, thread: i32,
): void {
  if (form == 2) affineRows(false, true, x, y, rows, channels, step, xZeroPoint, numbers, constants, begin, end);
  else if (form == 3) affineRows(true, true, x, y, rows, channels, step, xZeroPoint, numbers, constants, begin, end);
  else affineRows(true, false, x, y, rows, channels, step, xZeroPoint, numbers, constants, begin, end);
}
