// Elementwise int8 kernels. A unit of work is a block of BLOCK elements.
import { LINE_BITS, QELEMENTWISE_BLOCK as BLOCK } from './constants';
import { storeBytes16 } from './qlanes';
import { isBounded, limit, limitMultiplier, limitOf, MAGIC_BITS, requantize, SMALL } from './qrequantize';

/**
 * (highs · ab · 2^11 + lows · ab + offset) / 2^shift, halves away from zero: pairs of a and b, interleaved, times A
 * and B cut into 11 bits each. If `simple`, `half` is half of 2^shift, and part of the offset; nothing is below it at a shift of 0.
 * Where sums with it may leave int32, 1 bit of the shift is last, and only it rounds.
 */
// @ts-ignore: decorator
@inline
function addPair(simple: bool, ab: v128, highs: v128, lows: v128, offset: v128, half: v128, shift: i32): v128 {
  const highSum = i32x4.shl(i32x4.dot_i16x8_s(ab, highs), 11);
  const sum = i32x4.add(i32x4.add(highSum, i32x4.dot_i16x8_s(ab, lows)), offset);
  if (simple) return i32x4.shr_s(i32x4.add(sum, i32x4.gt_s(half, sum)), shift);
  const most = i32x4.shr_s(i32x4.add(sum, i32x4.shr_s(sum, 31)), shift - 1);
  return i32x4.shr_s(i32x4.sub(most, i32x4.splat(-1)), 1);
}

/**
 * y [n] uint8 = clamp(roundHalfAway((A (a - aZeroPoint) + B (b - bZeroPoint)) / 2^shift) + yZeroPoint); offset is the
 * sum at 0, 0. `simple`: no sum and half of 2^shift leave int32.
 */
export function qadd(
  a: usize, b: usize, y: usize, n: i32, aMultiplier: i32, bMultiplier: i32, offset: i32, shift: i32, simple: bool,
  yZeroPoint: i32, clampMin: i32, clampMax: i32, begin: i32, end: i32, thread: i32,
): void {
  if (simple) addBytes(true, a, b, y, n, aMultiplier, bMultiplier, offset, shift, yZeroPoint, clampMin, clampMax, begin, end);
  else addBytes(false, a, b, y, n, aMultiplier, bMultiplier, offset, shift, yZeroPoint, clampMin, clampMax, begin, end);
}

// @ts-ignore: decorator
@inline
function addBytes(
  simple: bool, a: usize, b: usize, y: usize, n: i32, aMultiplier: i32, bMultiplier: i32, offset: i32, shift: i32,
  yZeroPoint: i32, clampMin: i32, clampMax: i32, begin: i32, end: i32,
): void {
  const last = min(n, end * BLOCK);
  const highs = i32x4.splat((aMultiplier >> 11) | ((bMultiplier >> 11) << 16));
  const lows = i32x4.splat((aMultiplier & 2047) | ((bMultiplier & 2047) << 16));
  const half = i32x4.splat(shift > 0 ? 1 << (shift - 1) : i32.MIN_VALUE);
  const base = i32x4.splat(simple && shift > 0 ? offset + (1 << (shift - 1)) : offset);
  const zero = i16x8.splat(<i16>yZeroPoint);
  const low = i8x16.splat(<i8>clampMin);
  const high = i8x16.splat(<i8>clampMax);
  for (let i = begin * BLOCK; i < last; i += 16) {
    const va = v128.load(a + i);
    const vb = v128.load(b + i);
    const p = v128.shuffle<i8>(va, vb, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const q = v128.shuffle<i8>(va, vb, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    const r0 = i16x8.narrow_i32x4_s(
      addPair(simple, i16x8.extend_low_i8x16_u(p), highs, lows, base, half, shift),
      addPair(simple, i16x8.extend_high_i8x16_u(p), highs, lows, base, half, shift),
    );
    const r1 = i16x8.narrow_i32x4_s(
      addPair(simple, i16x8.extend_low_i8x16_u(q), highs, lows, base, half, shift),
      addPair(simple, i16x8.extend_high_i8x16_u(q), highs, lows, base, half, shift),
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
  // No product of differences of bytes is larger than 255 · 255.
  if (<f64>multiplier * 65025 < SMALL) mulBytes(true, a, b, y, n, aZeroPoint, bZeroPoint, multiplier, constants, begin, end);
  else mulBytes(false, a, b, y, n, aZeroPoint, bZeroPoint, multiplier, constants, begin, end);
}

// @ts-ignore: decorator
@inline
function mulBytes(
  small: bool, a: usize, b: usize, y: usize, n: i32, aZeroPoint: i32, bZeroPoint: i32, multiplier: f32, constants: usize,
  begin: i32, end: i32,
): void {
  const last = min(n, end * BLOCK);
  const aZero = i16x8.splat(<i16>aZeroPoint);
  const bZero = i16x8.splat(<i16>bZeroPoint);
  const m = limitMultiplier(f32x4.splat(multiplier));
  const l = limitOf(m);
  const bounded = isBounded(constants);
  for (let i = begin * BLOCK; i < last; i += 16) {
    const va = v128.load(a + i);
    const vb = v128.load(b + i);
    const a0 = i16x8.sub(i16x8.extend_low_i8x16_u(va), aZero);
    const a1 = i16x8.sub(i16x8.extend_high_i8x16_u(va), aZero);
    const b0 = i16x8.sub(i16x8.extend_low_i8x16_u(vb), bZero);
    const b1 = i16x8.sub(i16x8.extend_high_i8x16_u(vb), bZero);
    let c0 = i32x4.extmul_low_i16x8_s(a0, b0), c1 = i32x4.extmul_high_i16x8_s(a0, b0);
    let c2 = i32x4.extmul_low_i16x8_s(a1, b1), c3 = i32x4.extmul_high_i16x8_s(a1, b1);
    if (!small) c0 = limit(c0, l), c1 = limit(c1, l), c2 = limit(c2, l), c3 = limit(c3, l);
    const r = requantize(c0, c1, c2, c3, m, m, m, m, constants, bounded);
    storeBytes16(y + i, r, last - i);
  }
}

/** A mask of the bytes that have their highest bit. */
// @ts-ignore: decorator
@inline
function highest(v: v128): v128 {
  return i8x16.lt_s(v, i8x16.splat(0));
}

/** b where the mask m is set, else a. */
// @ts-ignore: decorator
@inline
function pick(a: v128, b: v128, m: v128): v128 {
  return i8x16.relaxed_laneselect(b, a, m);
}

/** One of two pieces of 16 of a table, by the mask `bit4`; `low` are the four bits below. */
// @ts-ignore: decorator
@inline
function pieces(table: usize, low: v128, bit4: v128): v128 {
  return pick(
    i8x16.relaxed_swizzle(v128.load(table), low), i8x16.relaxed_swizzle(v128.load(table, 16), low), bit4,
  );
}

// @ts-ignore: decorator
@inline
function lookup1(x: usize, table: usize, y: usize, i: usize): void {
  store<u8>(y + i, load<u8>(table + <usize>load<u8>(x + i)));
}

/** y [n] = table[x], bytes: of signed ones the table begins with 0. */
export function qlookup(x: usize, table: usize, y: usize, n: i32, begin: i32, end: i32, thread: i32): void {
  const last = min(n, end * BLOCK);
  let i = begin * BLOCK;
  if (RELAXED) {
    // 16 bytes by vectors and 8 one by one, which keep different parts of a processor busy.
    for (; i + 24 <= last; i += 24) {
      const v = v128.load(x + i);
      const low = v128.and(v, i8x16.splat(15));
      const v2 = i8x16.add(v, v);
      const v4 = i8x16.add(v2, v2);
      const bit7 = highest(v), bit6 = highest(v2), bit5 = highest(v4), bit4 = highest(i8x16.add(v4, v4));
      lookup1(x, table, y, i + 16);
      const a = pick(pieces(table, low, bit4), pieces(table + 32, low, bit4), bit5);
      lookup1(x, table, y, i + 17);
      lookup1(x, table, y, i + 18);
      const b = pick(pieces(table + 64, low, bit4), pieces(table + 96, low, bit4), bit5);
      lookup1(x, table, y, i + 19);
      lookup1(x, table, y, i + 20);
      const c = pick(pieces(table + 128, low, bit4), pieces(table + 160, low, bit4), bit5);
      lookup1(x, table, y, i + 21);
      lookup1(x, table, y, i + 22);
      const d = pick(pieces(table + 192, low, bit4), pieces(table + 224, low, bit4), bit5);
      lookup1(x, table, y, i + 23);
      v128.store(y + i, pick(pick(a, b, bit6), pick(c, d, bit6), bit7));
    }
  }
  for (; i + 8 <= last; i += 8) {
    lookup1(x, table, y, i);
    lookup1(x, table, y, i + 1);
    lookup1(x, table, y, i + 2);
    lookup1(x, table, y, i + 3);
    lookup1(x, table, y, i + 4);
    lookup1(x, table, y, i + 5);
    lookup1(x, table, y, i + 6);
    lookup1(x, table, y, i + 7);
  }
  for (; i < last; i++) lookup1(x, table, y, i);
}

/** y [n] = min(max(x, low), high), bytes as unsigned ones: those of x after an exclusive or with `from`, those of y before one with `to`. */
export function qclamp(
  x: usize, y: usize, n: i32, low: i32, high: i32, from: i32, to: i32, begin: i32, end: i32, thread: i32,
): void {
  const last = min(n, end * BLOCK);
  const lowest = i8x16.splat(<i8>low);
  const highest = i8x16.splat(<i8>high);
  const ofX = i8x16.splat(<i8>from);
  const ofY = i8x16.splat(<i8>to);
  let i = begin * BLOCK;
  for (; i + 64 <= last; i += 64) {
    const at = x + i;
    const y16 = y + i;
    v128.store(y16, clamp16(v128.load(at), lowest, highest, ofX, ofY));
    v128.store(y16, clamp16(v128.load(at, 16), lowest, highest, ofX, ofY), 16);
    v128.store(y16, clamp16(v128.load(at, 32), lowest, highest, ofX, ofY), 32);
    v128.store(y16, clamp16(v128.load(at, 48), lowest, highest, ofX, ofY), 48);
  }
  for (; i < last; i += 16) storeBytes16(y + i, clamp16(v128.load(x + i), lowest, highest, ofX, ofY), last - i);
}

// @ts-ignore: decorator
@inline
function clamp16(v: v128, lowest: v128, highest: v128, ofX: v128, ofY: v128): v128 {
  return v128.xor(i8x16.min_u(i8x16.max_u(v128.xor(v, ofX), lowest), highest), ofY);
}

/** y [n] = (x · slope + start) >> LINE_BITS, bounded to 0 and 255; bytes as in qclamp. */
export function qline(
  x: usize, y: usize, n: i32, slope: i32, start: i32, from: i32, to: i32, begin: i32, end: i32, thread: i32,
): void {
  const last = min(n, end * BLOCK);
  const m = i32x4.splat(slope);
  const c = i32x4.splat(start);
  const ofX = i8x16.splat(<i8>from);
  const ofY = i8x16.splat(<i8>to);
  for (let i = begin * BLOCK; i < last; i += 16) {
    const v = v128.xor(v128.load(x + i), ofX);
    const low = i16x8.extend_low_i8x16_u(v), high = i16x8.extend_high_i8x16_u(v);
    const r = i8x16.narrow_i16x8_u(
      i16x8.narrow_i32x4_s(line4(i32x4.extend_low_i16x8_u(low), m, c), line4(i32x4.extend_high_i16x8_u(low), m, c)),
      i16x8.narrow_i32x4_s(line4(i32x4.extend_low_i16x8_u(high), m, c), line4(i32x4.extend_high_i16x8_u(high), m, c)),
    );
    storeBytes16(y + i, v128.xor(r, ofY), last - i);
  }
}

// @ts-ignore: decorator
@inline
function line4(v: v128, m: v128, c: v128): v128 {
  return i32x4.shr_s(i32x4.add(i32x4.mul(v, m), c), LINE_BITS);
}

/** rint(f32(q · m) + shift) of four channels, with the zero point; between low and high where they may be large. */
// @ts-ignore: decorator
@inline
function affine4(q: v128, m: v128, shift: v128, small: bool, low: v128, high: v128, magic: v128, offset: v128): v128 {
  let v = f32x4.add(f32x4.mul(q, m), shift);
  if (!small) v = f32x4.pmin(high, f32x4.pmax(low, v));
  return i32x4.sub(f32x4.add(v, magic), offset);
}

/** The upper halves of 2^23 as float32. In memory because V8 makes a v128 constant anew at each use. */
const EXPONENTS: usize = memory.data<i16>([0x4b00, 0x4b00, 0x4b00, 0x4b00, 0x4b00, 0x4b00, 0x4b00, 0x4b00], 16);

/** Four of 8 uint16 as floats less `zero`, which is 2^23 more than what is to be taken off: 2^23 + n has the bits of n below 0x4b00. */
// @ts-ignore: decorator
@inline
function lowFloats(v: v128, exponents: v128, zero: v128): v128 {
  return f32x4.sub(v128.shuffle<i16>(v, exponents, 0, 8, 1, 9, 2, 10, 3, 11), zero);
}

// @ts-ignore: decorator
@inline
function highFloats(v: v128, exponents: v128, zero: v128): v128 {
  return f32x4.sub(v128.shuffle<i16>(v, exponents, 4, 12, 5, 13, 6, 14, 7, 15), zero);
}

// @ts-ignore: decorator
@inline
function bySign(q: v128, positive: v128, negative: v128, signs: bool): v128 {
  return signs ? v128.bitselect(positive, negative, f32x4.gt(q, f32x4.splat(0))) : positive;
}

// @ts-ignore: decorator
@inline
function affineRows(
  signs: bool, small: bool, x: usize, y: usize, rows: i32, channels: i32, step: i32, xZeroPoint: i32, numbers: usize,
  constants: usize, begin: i32, end: i32,
): void {
  const last = min(rows, end * step);
  const magic = v128.load(constants);
  // Magic has the even part of the zero point.
  const offset = i32x4.sub(i32x4.splat(MAGIC_BITS), v128.and(v128.load(constants, 16), i32x4.splat(1)));
  const lowest = v128.load(constants, 32);
  const highest = v128.load(constants, 48);
  const low = v128.load(constants, 64);
  const high = v128.load(constants, 80);
  const exponents = v128.load(EXPONENTS);
  const zero = f32x4.splat(8388608 + <f32>xZeroPoint);
  for (let first = begin * step; first < last; first += step) {
    const until = min(last, first + step);
    let n = numbers;
    for (let c = 0; c < channels; c += 16, n += 192) {
      const left = channels - c;
      let at = <usize>(first * channels + c);
      const p0 = v128.load(n), p1 = v128.load(n, 16), p2 = v128.load(n, 32), p3 = v128.load(n, 48);
      const s0 = v128.load(n, 128), s1 = v128.load(n, 144), s2 = v128.load(n, 160), s3 = v128.load(n, 176);
      for (let r = first; r < until; r++, at += channels) {
        const v = v128.load(x + at);
        const v0 = i16x8.extend_low_i8x16_u(v);
        const v1 = i16x8.extend_high_i8x16_u(v);
        const a = lowFloats(v0, exponents, zero), b = highFloats(v0, exponents, zero);
        const d = lowFloats(v1, exponents, zero), e = highFloats(v1, exponents, zero);
        const ra = affine4(a, bySign(a, p0, v128.load(n, 64), signs), s0, small, low, high, magic, offset);
        const rb = affine4(b, bySign(b, p1, v128.load(n, 80), signs), s1, small, low, high, magic, offset);
        const rd = affine4(d, bySign(d, p2, v128.load(n, 96), signs), s2, small, low, high, magic, offset);
        const re = affine4(e, bySign(e, p3, v128.load(n, 112), signs), s3, small, low, high, magic, offset);
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
