// Products by weights of 4 or 8 bits, whose columns share scales in groups. Integers become floats in registers: what is read from
// memory, which is what one row waits for, is an eighth or a quarter.
//
// `kind` is 0 for uint8, 1 for int8, 2 for two to a byte. int8 is taken as uint8, 128 more. zero: the zero points, or 0 where it is
// `middle` throughout.
import { PANEL, UNIT_ROWS as ROWS } from './constants';
import { packPanels } from './gemm';
import { firstLanes, storeLanes32 } from './lanes';
import { madd, multiplyBlock } from './tiles';

// @ts-ignore: decorator
@inline
function zeros(): v128 {
  return f32x4.splat(0);
}

/** The integers of 16 columns, as uint8. */
// @ts-ignore: decorator
@inline
function codes(row: usize, column: i32, kind: i32): v128 {
  if (kind == 2) {
    const v = v128.load64_zero(row + (column >> 1));
    const low = v128.and(v, i8x16.splat(15));
    // There is no shift of bytes.
    const high = v128.and(i16x8.shr_u(v, 4), i8x16.splat(15));
    return v128.shuffle<i8>(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  }
  const v = v128.load(row + column);
  return kind == 1 ? v128.xor(v, i8x16.splat(-128)) : v;
}

// @ts-ignore: decorator
@inline
function floats(halves: v128, zero: v128): v128 {
  return f32x4.sub(f32x4.convert_i32x4_s(halves), zero);
}

/** Where a group's zero point, or the middle. */
// @ts-ignore: decorator
@inline
function zeroOf(zero: usize, group: i32, middle: f32, kind: i32): v128 {
  const own = zero ? load<f32>(zero + (<usize>group << 2)) + (kind == 1 ? <f32>128 : <f32>0) : middle;
  return f32x4.splat(own);
}

/** Σ x of each group of each row: what the zero points are multiplied by. */
function sumGroups(x: usize, m: i32, k: i32, groupSize: i32, to: usize): void {
  for (let row: i32 = 0; row < m; row++, x += <usize>k << 2) {
    for (let first: i32 = 0; first < k; first += groupSize, to += 4) {
      const end = min(k, first + groupSize);
      let sum = zeros();
      for (let j = first; j < end; j += 4) {
        sum = f32x4.add(sum, firstLanes(v128.load(x + (<usize>j << 2)), end - j));
      }
      store<f32>(to, sumLanes(sum));
    }
  }
}

// @ts-ignore: decorator
@inline
function sumLanes(v: v128): f32 {
  const pairs = f32x4.add(v, v128.shuffle<i32>(v, v, 1, 0, 3, 2));
  return f32x4.extract_lane(f32x4.add(pairs, v128.shuffle<i32>(pairs, pairs, 2, 3, 0, 1)), 0);
}

/**
 * Σ scale · (Σ x · integer - zero · Σ x) over the groups of two rows of k integers, weight and other: two, so that what is read of x
 * serves both. `sums`: Σ x of each group. The integers are taken less their middle, for sums that don't cancel.
 */
function dotTwo(
  x: usize, weight: usize, other: usize, kind: i32, scale: usize, otherScale: usize, zero: usize, otherZero: usize, sums: usize,
  k: i32, groupSize: i32, to: usize, otherTo: usize, start: f32, otherStart: f32,
): void {
  const middle: f32 = kind == 2 ? 8 : 128;
  let total = start, otherTotal = otherStart;
  let group: usize = 0;
  for (let first: i32 = 0; first < k; first += groupSize, group += 4) {
    const end = min(k, first + groupSize);
    let s0 = zeros(), s1 = zeros(), t0 = zeros(), t1 = zeros();
    let j = first;
    for (; j + 16 <= end; j += 16) {
      const at = x + (<usize>j << 2);
      const a = lessMiddle(codes(weight, j, kind), kind), b = lessMiddle(codes(other, j, kind), kind);
      const aLow = i16x8.extend_low_i8x16_s(a), aHigh = i16x8.extend_high_i8x16_s(a);
      const bLow = i16x8.extend_low_i8x16_s(b), bHigh = i16x8.extend_high_i8x16_s(b);
      let v = v128.load(at);
      s0 = madd(v, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(aLow)), s0);
      t0 = madd(v, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(bLow)), t0);
      v = v128.load(at, 16);
      s1 = madd(v, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(aLow)), s1);
      t1 = madd(v, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(bLow)), t1);
      v = v128.load(at, 32);
      s0 = madd(v, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(aHigh)), s0);
      t0 = madd(v, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(bHigh)), t0);
      v = v128.load(at, 48);
      s1 = madd(v, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(aHigh)), s1);
      t1 = madd(v, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(bHigh)), t1);
    }
    if (j < end) {
      const left = end - j;
      const at = x + (<usize>j << 2);
      const a = lessMiddle(codes(weight, j, kind), kind), b = lessMiddle(codes(other, j, kind), kind);
      const aLow = i16x8.extend_low_i8x16_s(a), aHigh = i16x8.extend_high_i8x16_s(a);
      const bLow = i16x8.extend_low_i8x16_s(b), bHigh = i16x8.extend_high_i8x16_s(b);
      let v = firstLanes(v128.load(at), left);
      s0 = madd(v, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(aLow)), s0);
      t0 = madd(v, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(bLow)), t0);
      v = firstLanes(v128.load(at, 16), left - 4);
      s1 = madd(v, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(aLow)), s1);
      t1 = madd(v, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(bLow)), t1);
      v = firstLanes(v128.load(at, 32), left - 8);
      s0 = madd(v, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(aHigh)), s0);
      t0 = madd(v, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(bHigh)), t0);
      v = firstLanes(v128.load(at, 48), left - 12);
      s1 = madd(v, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(aHigh)), s1);
      t1 = madd(v, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(bHigh)), t1);
    }
    let sum = sumLanes(f32x4.add(s0, s1)), otherSum = sumLanes(f32x4.add(t0, t1));
    if (zero) {
      const offset: f32 = kind == 1 ? 0 : middle;
      const own = load<f32>(sums + group);
      sum -= (load<f32>(zero + group) - offset) * own;
      otherSum -= (load<f32>(otherZero + group) - offset) * own;
    }
    total += sum * load<f32>(scale + group);
    otherTotal += otherSum * load<f32>(otherScale + group);
  }
  store<f32>(to, total);
  store<f32>(otherTo, otherTotal);
}

/** Codes less the middle, as int8. */
// @ts-ignore: decorator
@inline
function lessMiddle(v: v128, kind: i32): v128 {
  return kind == 2 ? i8x16.sub(v, i8x16.splat(8)) : v128.xor(v, i8x16.splat(-128));
}

/** Columns of a step over integers. */
// @ts-ignore: decorator
@inline
function stepOf(kind: i32): i32 {
  return kind == 2 ? 32 : 16;
}

/** Products of 16 bits are summed in 32 over so many columns: 2048 · 255 · 32767 / 4 is below 2^32 / 2 even in one lane of four. */
const EXACT: i32 = 2048;

/**
 * Whether x is taken as bytes, the lower and the upper ones of 16 bits: with 4-bit integers they have products that all engines agree on. The sums of
 * a group are exact up to EXACT columns.
 */
// @ts-ignore: decorator
@inline
function inBytes(kind: i32, padded: i32): bool {
  return RELAXED && kind == 2 && padded <= EXACT;
}

/** Eight columns of x in 16 bits; those from `left` on are zeros. */
// @ts-ignore: decorator
@inline
function eight(at: usize, left: i32, by: v128): v128 {
  const low = f32x4.mul(firstLanes(v128.load(at), left), by), high = f32x4.mul(firstLanes(v128.load(at, 16), left - 4), by);
  return i16x8.narrow_i32x4_s(
    i32x4.trunc_sat_f32x4_s(f32x4.nearest(low)), i32x4.trunc_sat_f32x4_s(f32x4.nearest(high)),
  );
}

/** 32 bytes: the lower ones of 16 numbers, as int8, and 32 bytes on the upper ones, so that 256 · upper + lower is the number. */
// @ts-ignore: decorator
@inline
function storeBytes(to: usize, a: v128, b: v128): void {
  v128.store(to, v128.shuffle<i8>(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30));
  const half = i16x8.splat(128);
  v128.store(to, i8x16.narrow_i16x8_s(i16x8.shr_s(i16x8.add(a, half), 8), i16x8.shr_s(i16x8.add(b, half), 8)), 32);
}

/**
 * x [k] in 16 bits: each group by a scale of its own, and filled up to whole steps by zeros. The columns of a step of 4-bit integers
 * lie as in their bytes' halves, the even ones first. Groups' scales go to `scales`, their sums of integers to `sums`, times -8 if x is in bytes.
 * Returns whether all of x is finite.
 */
function shorten(
  x: usize, k: i32, groupSize: i32, kind: i32, padded: i32, to: usize, scales: usize, sums: usize,
): bool {
  let group: usize = 0;
  const bytes = inBytes(kind, padded);
  // The upper byte is to stay below 128.
  const range: f32 = bytes ? 127 * 256 : 32767;
  const ones = i16x8.splat(1);
  for (let first: i32 = 0; first < k; first += groupSize, group += 4) {
    const count = min(groupSize, k - first);
    const from = x + (<usize>first << 2);
    let most = zeros();
    for (let j: i32 = 0; j < count; j += 4) {
      most = f32x4.max(most, f32x4.abs(firstLanes(v128.load(from + (<usize>j << 2)), count - j)));
    }
    const pairs = f32x4.max(most, v128.shuffle<i32>(most, most, 1, 0, 3, 2));
    const greatest = f32x4.extract_lane(f32x4.max(pairs, v128.shuffle<i32>(pairs, pairs, 2, 3, 0, 1)), 0);
    if (!(greatest < Infinity)) return false;
    // Below, the inverse would be infinite: as good as zeros.
    const inverse: f32 = greatest > 1e-30 ? range / greatest : 0;
    store<f32>(scales + group, greatest > 1e-30 ? greatest / range : 0);
    const by = f32x4.splat(inverse);
    let sum = i32x4.splat(0);
    const row = to + ((group >> 2) * padded << 1);
    if (kind != 2) {
      for (let j: i32 = 0; j < padded; j += 8) {
        const v = eight(from + (<usize>j << 2), count - j, by);
        sum = i32x4.add(sum, i32x4.dot_i16x8_s(v, ones));
        v128.store(row + (<usize>j << 1), v);
      }
    } else {
      for (let j: i32 = 0; j < padded; j += 32) {
        const at = from + (<usize>j << 2), left = count - j;
        const a = eight(at, left, by), b = eight(at + 32, left - 8, by);
        const c = eight(at + 64, left - 16, by), d = eight(at + 96, left - 24, by);
        sum = i32x4.add(sum, i32x4.add(i32x4.dot_i16x8_s(a, ones), i32x4.dot_i16x8_s(b, ones)));
        sum = i32x4.add(sum, i32x4.add(i32x4.dot_i16x8_s(c, ones), i32x4.dot_i16x8_s(d, ones)));
        const place = row + (<usize>j << 1);
        const e = v128.shuffle<i16>(a, b, 0, 2, 4, 6, 8, 10, 12, 14), f = v128.shuffle<i16>(c, d, 0, 2, 4, 6, 8, 10, 12, 14);
        const g = v128.shuffle<i16>(a, b, 1, 3, 5, 7, 9, 11, 13, 15), h = v128.shuffle<i16>(c, d, 1, 3, 5, 7, 9, 11, 13, 15);
        if (bytes) {
          storeBytes(place, e, f);
          storeBytes(place + 16, g, h);
        } else {
          v128.store(place, e);
          v128.store(place, f, 16);
          v128.store(place, g, 32);
          v128.store(place, h, 48);
        }
      }
    }
    sum = i32x4.add(sum, v128.shuffle<i32>(sum, sum, 1, 0, 3, 2));
    sum = i32x4.add(sum, v128.shuffle<i32>(sum, sum, 2, 3, 0, 1));
    const own = i32x4.extract_lane(sum, 0);
    store<i32>(sums + group, bytes ? -8 * own : own);
  }
  return true;
}

/** Σ x · integer over a step of 16 columns, or 32 of 4 bits, added to `sum`. */
// @ts-ignore: decorator
@inline
function addStep(sum: v128, x: usize, row: usize, column: i32, kind: i32): v128 {
  if (kind == 2) {
    const v = v128.load(row + (column >> 1));
    const fifteen = i8x16.splat(15);
    const even = v128.and(v, fifteen);
    const odd = v128.and(i16x8.shr_u(v, 4), fifteen);
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(even), v128.load(x)));
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(even), v128.load(x, 16)));
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(odd), v128.load(x, 32)));
    return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(odd), v128.load(x, 48)));
  }
  const at = row + column;
  const low = kind == 1 ? v128.load_ext<i8>(at) : v128.load_ext<u8>(at);
  const high = kind == 1 ? v128.load_ext<i8>(at, 8) : v128.load_ext<u8>(at, 8);
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(low, v128.load(x)));
  return i32x4.add(sum, i32x4.dot_i16x8_s(high, v128.load(x, 16)));
}

/** As dotTwo, of x in 16 bits. */
// @ts-ignore: decorator
@inline
function dotTwoShort(
  kind: i32, x: usize, scales: usize, sums: usize, padded: i32, weight: usize, other: usize, scale: usize, otherScale: usize,
  zero: usize, otherZero: usize, k: i32, groupSize: i32, to: usize, otherTo: usize, start: f32, otherStart: f32,
): void {
  const step = stepOf(kind);
  const bytes = <usize>step << 1;
  const middle: f32 = kind == 2 ? 8 : kind == 1 ? 0 : 128;
  let total = start, otherTotal = otherStart;
  let all = zeros(), otherAll = zeros();
  let group: usize = 0;
  for (let first: i32 = 0; first < k; first += groupSize, group += 4) {
    const own = <f32>load<i32>(sums + group);
    const by = load<f32>(scales + group) * load<f32>(scale + group);
    const otherBy = load<f32>(scales + group) * load<f32>(otherScale + group);
    total -= (zero ? load<f32>(zero + group) : middle) * own * by;
    otherTotal -= (zero ? load<f32>(otherZero + group) : middle) * own * otherBy;
    let at = x + ((group >> 2) * padded << 1);
    for (let j: i32 = 0; j < padded; ) {
      const end = min(padded, j + EXACT);
      let s = i32x4.splat(0), t = i32x4.splat(0);
      for (; j < end; j += step, at += bytes) {
        s = addStep(s, at, weight, first + j, kind);
        t = addStep(t, at, other, first + j, kind);
      }
      all = madd(f32x4.convert_i32x4_s(s), f32x4.splat(by), all);
      otherAll = madd(f32x4.convert_i32x4_s(t), f32x4.splat(otherBy), otherAll);
    }
  }
  total += sumLanes(all);
  otherTotal += sumLanes(otherAll);
  store<f32>(to, total);
  store<f32>(otherTo, otherTotal);
}

/** `sum` and four sums of four products of bytes of x and 4-bit integers, which no engine's way of making them lets overflow. */
// @ts-ignore: decorator
@inline
function dotNibbles(x: v128, codes: v128, sum: v128): v128 {
  if (RELAXED) return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, codes, sum);
  return sum;
}

/** The same, of x in bytes and 4-bit integers. */
function dotTwoBytes(
  x: usize, scales: usize, sums: usize, padded: i32, weight: usize, other: usize, scale: usize, otherScale: usize,
  zero: usize, otherZero: usize, groups: i32, width: usize, to: usize, otherTo: usize, start: f32, otherStart: f32,
): void {
  const fifteen = i8x16.splat(15);
  const list = <usize>groups << 2;
  const bytes = <usize>padded << 1;
  let all = zeros(), otherAll = zeros();
  for (let group: usize = 0, at = x; group < list; group += 4, weight += width, other += width) {
    // The middle is taken from the sums while they are integers.
    let low = v128.load32_zero(sums + group), otherLow = low;
    let high = i32x4.splat(0), otherHigh = high;
    const end = at + bytes;
    let a = weight, b = other;
    do {
      const v = v128.load(a), w = v128.load(b);
      const even = v128.and(v, fifteen), odd = v128.and(i16x8.shr_u(v, 4), fifteen);
      const otherEven = v128.and(w, fifteen), otherOdd = v128.and(i16x8.shr_u(w, 4), fifteen);
      let part = v128.load(at);
      low = dotNibbles(part, even, low);
      otherLow = dotNibbles(part, otherEven, otherLow);
      part = v128.load(at, 32);
      high = dotNibbles(part, even, high);
      otherHigh = dotNibbles(part, otherEven, otherHigh);
      part = v128.load(at, 16);
      low = dotNibbles(part, odd, low);
      otherLow = dotNibbles(part, otherOdd, otherLow);
      part = v128.load(at, 48);
      high = dotNibbles(part, odd, high);
      otherHigh = dotNibbles(part, otherOdd, otherHigh);
      at += 64;
      a += 16;
      b += 16;
    } while (at < end);
    const own = v128.load32_splat(scales + group);
    const by = f32x4.mul(own, v128.load32_splat(scale + group));
    const otherBy = f32x4.mul(own, v128.load32_splat(otherScale + group));
    all = madd(f32x4.convert_i32x4_s(i32x4.add(low, i32x4.shl(high, 8))), by, all);
    otherAll = madd(f32x4.convert_i32x4_s(i32x4.add(otherLow, i32x4.shl(otherHigh, 8))), otherBy, otherAll);
  }
  let group: usize = 0;
  if (zero) {
    const middle = f32x4.splat(8), eighth = f32x4.splat(0.125);
    for (; group + 16 <= list; group += 16) {
      const own = f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums + group)), v128.load(scales + group)), eighth);
      all = madd(f32x4.mul(f32x4.sub(v128.load(zero + group), middle), v128.load(scale + group)), own, all);
      const by = f32x4.mul(f32x4.sub(v128.load(otherZero + group), middle), v128.load(otherScale + group));
      otherAll = madd(by, own, otherAll);
    }
  }
  let total = start + sumLanes(all), otherTotal = otherStart + sumLanes(otherAll);
  if (zero) {
    for (; group < list; group += 4) {
      const own = <f32>load<i32>(sums + group) * load<f32>(scales + group) * <f32>0.125;
      total += (load<f32>(zero + group) - 8) * load<f32>(scale + group) * own;
      otherTotal += (load<f32>(otherZero + group) - 8) * load<f32>(otherScale + group) * own;
    }
  }
  store<f32>(to, total);
  store<f32>(otherTo, otherTotal);
}

/**
 * y [m, n] for so few rows that each weight is used as soon as it is read, x in 16 bits where it is finite. Scratch for each thread:
 * `rowStep` bytes for each row, which hold its groups in 16 bits, padded to 32 columns, two numbers for each, and whether it is
 * finite. Units are pairs of outputs, which all rows are multiplied by while they are in the first cache.
 */
export function dotGroupedRows(
  x: usize, weight: usize, kind: i32, scale: usize, zero: usize, bias: usize, y: usize, m: i32, n: i32, k: i32,
  groupSize: i32, scratch: usize, scratchStep: i32, rowStep: i32, begin: i32, end: i32, thread: i32,
): void {
  const groups = (k + groupSize - 1) / groupSize;
  const bytes = kind == 2 ? (k + 1) >> 1 : k;
  const step = stepOf(kind);
  const padded = (groupSize + step - 1) / step * step;
  const list = <usize>groups << 2;
  const rows = (scratch + <usize>thread * scratchStep + 63) & ~63;
  for (let i: i32 = 0; i < m; i++) {
    const from = x + ((<usize>i * k) << 2);
    const room = rows + <usize>i * rowStep;
    const sums = room + 64, scales = sums + list;
    const finite = shorten(from, k, groupSize, kind, padded, (scales + list + 63) & ~63, scales, sums);
    store<i32>(room, finite);
    if (!finite && zero) sumGroups(from, 1, k, groupSize, sums);
  }
  for (let unit = begin; unit < end; unit++) {
    const column = unit * 2;
    // The last one twice, where it is alone.
    const next = min(column + 1, n - 1);
    const offset = <usize>(column * groups) << 2, otherOffset = <usize>(next * groups) << 2;
    const start = bias ? load<f32>(bias + (<usize>column << 2)) : <f32>0;
    const otherStart = bias ? load<f32>(bias + (<usize>next << 2)) : <f32>0;
    const a = weight + <usize>column * bytes, b = weight + <usize>next * bytes;
    const s = scale + offset, t = scale + otherOffset;
    const z = zero ? zero + offset : 0, w = zero ? zero + otherOffset : 0;
    for (let i: i32 = 0; i < m; i++) {
      const to = y + ((<usize>i * n + column) << 2), otherTo = y + ((<usize>i * n + next) << 2);
      const room = rows + <usize>i * rowStep;
      const sums = room + 64, scales = sums + list;
      const short = (scales + list + 63) & ~63;
      if (!load<i32>(room)) {
        dotTwo(x + ((<usize>i * k) << 2), a, b, kind, s, t, z, w, sums, k, groupSize, to, otherTo, start, otherStart);
      } else if (inBytes(kind, padded)) {
        const width = <usize>(groupSize >> 1);
        dotTwoBytes(short, scales, sums, padded, a, b, s, t, z, w, groups, width, to, otherTo, start, otherStart);
      } else if (kind == 2) {
        dotTwoShort(2, short, scales, sums, padded, a, b, s, t, z, w, k, groupSize, to, otherTo, start, otherStart);
      } else if (kind == 1) {
        dotTwoShort(1, short, scales, sums, padded, a, b, s, t, z, w, k, groupSize, to, otherTo, start, otherStart);
      } else dotTwoShort(0, short, scales, sums, padded, a, b, s, t, z, w, k, groupSize, to, otherTo, start, otherStart);
    }
  }
}

/** to [k] = the numbers of a row. */
function numbersOf(
  row: usize, kind: i32, scale: usize, zero: usize, middle: f32, k: i32, groupSize: i32, to: usize,
): void {
  let group: i32 = 0;
  for (let first: i32 = 0; first < k; first += groupSize, group++) {
    const end = min(k, first + groupSize);
    const z = zeroOf(zero, group, middle, kind);
    const s = v128.load32_splat(scale + (<usize>group << 2));
    for (let j = first; j < end; j += 16) {
      const left = end - j;
      const q = codes(row, j, kind);
      const low = i16x8.extend_low_i8x16_u(q), high = i16x8.extend_high_i8x16_u(q);
      const at = to + (<usize>j << 2);
      storeLanes32(at, f32x4.mul(floats(i32x4.extend_low_i16x8_u(low), z), s), left);
      if (left > 4) storeLanes32(at + 16, f32x4.mul(floats(i32x4.extend_high_i16x8_u(low), z), s), left - 4);
      if (left > 8) storeLanes32(at + 32, f32x4.mul(floats(i32x4.extend_low_i16x8_u(high), z), s), left - 8);
      if (left > 12) storeLanes32(at + 48, f32x4.mul(floats(i32x4.extend_high_i16x8_u(high), z), s), left - 12);
    }
  }
}

/**
 * y [m, n] for many rows: a panel of weights at a time becomes floats, and then all rows are multiplied by it. Scratch for each
 * thread: two panels of k, and what multiplyBlock needs for ROWS rows. Units are panels.
 */
export function multiplyGrouped(
  x: usize, weight: usize, kind: i32, scale: usize, zero: usize, middle: f32, bias: usize, y: usize, m: i32, n: i32, k: i32,
  groupSize: i32, scratch: usize, scratchStep: i32, begin: i32, end: i32, thread: i32,
): void {
  const groups = (k + groupSize - 1) / groupSize;
  const bytes = kind == 2 ? (k + 1) >> 1 : k;
  const rows = scratch + <usize>thread * scratchStep;
  const packed = rows + ((<usize>k * PANEL) << 2);
  const room = packed + ((<usize>k * PANEL) << 2);
  for (let unit = begin; unit < end; unit++) {
    const column = unit * PANEL;
    const count = min(PANEL, n - column);
    for (let i: i32 = 0; i < count; i++) {
      const offset = <usize>((column + i) * groups) << 2;
      numbersOf(
        weight + <usize>(column + i) * bytes, kind, scale + offset, zero ? zero + offset : 0, middle, k, groupSize,
        rows + ((<usize>i * k) << 2),
      );
    }
    packPanels(rows, packed, 0, count, k, k, 1, 1, 0, 0, 1, 0);
    const from = bias ? bias + (<usize>column << 2) : 0;
    for (let row: i32 = 0; row < m; row += ROWS) {
      multiplyBlock(
        x + ((<usize>row * k) << 2), <usize>k << 2, min(ROWS, m - row), packed, k, from, 0,
        y + ((<usize>row * n + column) << 2), <usize>n << 2, count, room,
      );
    }
  }
}

/** y [n, columns] = the numbers of the rows that `index` lists; a unit is one of them. A row of the weight has `width` bytes. */
export function embedGrouped(
  weight: usize, scale: usize, zero: usize, index: usize, y: usize, kind: i32, middle: f32, columns: i32, width: i32,
  groupSize: i32, begin: i32, end: i32, thread: i32,
): void {
  const groups = (columns + groupSize - 1) / groupSize;
  for (let unit = begin; unit < end; unit++) {
    const row = <usize>load<i32>(index + (<usize>unit << 2));
    const first = row * groups << 2;
    const own = zero ? zero + first : 0;
    numbersOf(weight + row * width, kind, scale + first, own, middle, columns, groupSize, y + (<usize>unit * columns << 2));
  }
}
