// int8 matrix products: 1x1 convolutions, linear layers, and convolutions of any size by patches.
//
// Sums are Σ x (w - zw) + bias - zx Σ (w - zw): the zero point of x is part of the bias, so that activations are used
// as they are, and padding is the byte zx. Where w - zw may be no byte, forms 2 and 3 take Σ x w - zw Σ x. Weights are packed once, in panels of 8 outputs; activations when they are
// used, a tile of rows that stays in the first-level cache, in groups. Four forms of the inner product, numbered:
//
// 0 exact: both widened to int16, pairs of products by i32x4.dot_i16x8_s.
// 1 seven (relaxed SIMD): bytes, four products by i16x8.relaxed_dot_i8x16_i7x16_s and a dot product with ones. Used for
//   groups whose activations are all below 128, where it is just as exact: |127 · 128 · 2| < 2^15.
// 2 unsigned (relaxed SIMD, where the engine takes activations as uint8): bytes, four products by
//   i32x4.relaxed_dot_i8x16_i7x16_add_s, which doesn't saturate then.
// 3 signed (the same, where it takes them as int8): bytes less 128, and 128 Σ w is part of the bias. V8's first compiler adds
//   pairs in int16, where -128 · -128 twice is too large: weights that have such a pair are refused.
//
// In all, one step takes 4 bytes (a pair of int16, or four bytes) of each row of a group, which lie side by side, and 32
// bytes of weights. A group of rows is stored in blocks of four steps. It has 4 rows, or 6 in the last two forms.
import {
  FORM_EXACT, FORM_FLAG, FORM_SEVEN, FORM_SIGNED, FORM_UNSIGNED, GROUP_ROWS, GROUP_ROWS_DOT, QPANEL as PANEL, SMALL_FLAG, TILE_FORMS,
} from './constants';
import { storeLanes32, storeRows, toFloat } from './lanes';
import { sumBytes } from './qlanes';
import { isBounded, limit, limitMultiplier, limitOf, MAGIC, MAGIC_BITS, requantizeInTurn, SMALL } from './qrequantize';

/**
 * Eight int16 1s, which a dot product sums pairs with. V8 lowers extadd_pairwise to the same product, but loads the address and
 * the ones at each use. They lie in memory because V8 also rematerialises a v128 constant at each use.
 */
const ONES: usize = memory.data<i16>([1, 1, 1, 1, 1, 1, 1, 1], 16);

/** `lanes`, the int16 pairs of rows that there are, of which `left` elements are within k. */
// @ts-ignore: decorator
@inline
function within(lanes: v128, left: i32): v128 {
  if (left >= 2) return lanes;
  return left == 1 ? v128.and(lanes, i32x4.splat(0xffff)) : i32x4.splat(0);
}

/**
 * Half of a panel: four rows of k bytes, as `qpackGemm` lays them out, with Σ (w - zw) and Σ |w - zw| of each. Of rows that `lanes`
 * lacks all is 0.
 *
 * @returns whether bytes won't do: a difference is none, or `signed` and a pair is -128 twice.
 */
function packRows(
  a: usize, b: usize, c: usize, d: usize, k: i32, zeros: v128, lanes: v128, signed: bool, to16: usize, to8: usize,
  sumsAt: usize, sizesAt: usize,
): bool {
  const ones = v128.load(ONES);
  const has16 = to16 != 0, has8 = to8 != 0;
  let sums = i32x4.splat(0), sizes = sums, least = sums, most = sums, twice = sums;
  for (let left = k; left > 0; left -= 8, a += 8, b += 8, c += 8, d += 8, to16 += 128, to8 += 64) {
    // Pairs of bytes of a, b, c, d in turn.
    const ab = v128.shuffle<i16>(v128.load64_zero(a), v128.load64_zero(b), 0, 8, 1, 9, 2, 10, 3, 11);
    const cd = v128.shuffle<i16>(v128.load64_zero(c), v128.load64_zero(d), 0, 8, 1, 9, 2, 10, 3, 11);
    const low = v128.shuffle<i32>(ab, cd, 0, 4, 1, 5);
    const high = v128.shuffle<i32>(ab, cd, 2, 6, 3, 7);
    const p0 = v128.and(i16x8.sub(i16x8.extend_low_i8x16_s(low), zeros), within(lanes, left));
    const p1 = v128.and(i16x8.sub(i16x8.extend_high_i8x16_s(low), zeros), within(lanes, left - 2));
    const p2 = v128.and(i16x8.sub(i16x8.extend_low_i8x16_s(high), zeros), within(lanes, left - 4));
    const p3 = v128.and(i16x8.sub(i16x8.extend_high_i8x16_s(high), zeros), within(lanes, left - 6));
    // Four differences of 9 bits.
    const sum = i16x8.add(i16x8.add(p0, p1), i16x8.add(p2, p3));
    const size = i16x8.add(i16x8.add(i16x8.abs(p0), i16x8.abs(p1)), i16x8.add(i16x8.abs(p2), i16x8.abs(p3)));
    sums = i32x4.add(sums, i32x4.dot_i16x8_s(sum, ones));
    sizes = i32x4.add(sizes, i32x4.dot_i16x8_s(size, ones));
    if (has16) {
      v128.store(to16, p0);
      if (left > 2) v128.store(to16, p1, 32);
      if (left > 4) v128.store(to16, p2, 64);
      if (left > 6) v128.store(to16, p3, 96);
    }
    if (has8) {
      least = i16x8.min_s(least, i16x8.min_s(i16x8.min_s(p0, p1), i16x8.min_s(p2, p3)));
      most = i16x8.max_s(most, i16x8.max_s(i16x8.max_s(p0, p1), i16x8.max_s(p2, p3)));
      const pair = i32x4.splat(<i32>0xff80ff80);
      twice = v128.or(twice, v128.or(
        v128.or(i32x4.eq(p0, pair), i32x4.eq(p1, pair)), v128.or(i32x4.eq(p2, pair), i32x4.eq(p3, pair)),
      ));
      v128.store(to8, v128.shuffle<i8>(p0, p1, 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30));
      if (left > 4) v128.store(to8, v128.shuffle<i8>(p2, p3, 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30), 32);
    }
  }
  v128.store(sumsAt, sums);
  v128.store(sizesAt, sizes);
  const large = v128.or(i16x8.lt_s(least, i16x8.splat(-128)), i16x8.gt_s(most, i16x8.splat(127)));
  return v128.any_true(large) || (signed && v128.any_true(twice));
}

/**
 * weight [groups · outputs, k] int8 → per group and panel, the zero point subtracted unless zeros8 [8] int32 gets it: packed16 [k pair][8 outputs][2]
 * int16 and packed8 [k quad][8 outputs][4] int8 (what isn't 0); bias8 [8] int32, the bias less xZeroPoint · Σ (w - zw);
 * multiplier8 [8] float32. inTurn: 1 where the 8 are outputs 0, 2, 4, 6, 1, 3, 5, 7, as products to bytes take them. What lies past the
 * outputs or k is zero. The steps are bytes: 0 where one value stands for all. constants: those of `requantize`, whose flags it clears: that
 * of the form where bytes won't do. Units are groups.
 */
export function qpackGemm(
  weight: usize, outputs: i32, k: i32, zeroPoint: usize, zeroStep: i32, bias: usize, multiplier: usize,
  multiplierStep: i32, xZeroPoint: i32, packed16: usize, packed8: usize, bias8: usize, multiplier8: usize,
  zeros8: usize, inTurn: i32, constants: usize, begin: i32, end: i32, thread: i32,
): void {
  const panelBytes16 = <usize>((k + 1) >> 1) << 5;
  const panelBytes8 = <usize>((k + 3) >> 2) << 5;
  const panels = (outputs + PANEL - 1) / PANEL;
  const signed = load<i32>(constants, FORM_FLAG) == FORM_SIGNED;
  for (let g = begin; g < end; g++) {
    for (let half: i32 = 0; half < panels * 2; half++) {
      const panel = <usize>(g * panels + (half >> 1));
      const lane = <usize>(half & 1) << 4;
      const output = inTurn ? ((half >> 1) << 3) + (half & 1) : half << 2;
      const step = inTurn ? 2 : 1;
      const count = (outputs - output + step - 1) >> inTurn;
      // The last output stands for those past the end.
      const row = g * outputs + min(output, outputs - 1);
      const second = row + (count > 1 ? step : 0);
      const third = row + (count > 2 ? 2 * step : 0);
      const fourth = row + (count > 3 ? 3 * step : 0);
      let zeros = i32x4.splat(load<u16>(zeroPoint + <usize>row * zeroStep));
      zeros = i32x4.replace_lane(zeros, 1, load<u16>(zeroPoint + <usize>second * zeroStep));
      zeros = i32x4.replace_lane(zeros, 2, load<u16>(zeroPoint + <usize>third * zeroStep));
      zeros = i32x4.replace_lane(zeros, 3, load<u16>(zeroPoint + <usize>fourth * zeroStep));
      const at = (panel << 5) + lane;
      if (zeros8) {
        v128.store(zeros8 + at, i32x4.shr_s(i32x4.shl(zeros, 16), 16));
        zeros = i32x4.splat(0);
      }
      const large = packRows(
        weight + <usize>row * k, weight + <usize>second * k, weight + <usize>third * k, weight + <usize>fourth * k, k,
        v128.or(zeros, i32x4.shl(zeros, 16)), i32x4.gt_s(i32x4.splat(count), i32x4(0, 1, 2, 3)), signed,
        packed16 ? packed16 + panel * panelBytes16 + lane : 0, packed8 ? packed8 + panel * panelBytes8 + lane : 0,
        bias8 + at, multiplier8 + at,
      );
      if (large && packed8) store<i32>(constants, 0, FORM_FLAG);
      for (let i: i32 = 0; i < 4; i++) {
        const sumAt = bias8 + at + (<usize>i << 2);
        const sizeAt = multiplier8 + at + (<usize>i << 2);
        // Of w - zw, at most.
        const zero = zeros8 ? load<i32>(zeros8 + at + (<usize>i << 2)) : 0;
        const size = (<f64>load<i32>(sizeAt) + <f64>(abs(zero) * k)) * 255;
        const b = bias && i < count ? load<i32>(bias + (<usize>(row + i * step) << 2)) : 0;
        const m = i < count ? load<f32>(multiplier + <usize>(row + i * step) * multiplierStep) : 0;
        // This may overflow, and the sums come back: they fit.
        store<i32>(sumAt, b - xZeroPoint * (load<i32>(sumAt) - zero * k));
        store<f32>(sizeAt, m);
        if (!((size + abs<f64>(<f64>b)) * <f64>m < SMALL)) store<i32>(constants, 0, SMALL_FLAG);
      }
    }
  }
}

/** Four rows of k bytes → a group of int16. */
// @ts-ignore: decorator
@inline
function packGroup16(a: usize, b: usize, c: usize, d: usize, k: i32, to: usize): void {
  for (const end = a + k; a < end; a += 8, b += 8, c += 8, d += 8, to += 64) {
    // Pairs of bytes of a, b, c, d in turn.
    const ab = v128.shuffle<i16>(v128.load64_zero(a), v128.load64_zero(b), 0, 8, 1, 9, 2, 10, 3, 11);
    const cd = v128.shuffle<i16>(v128.load64_zero(c), v128.load64_zero(d), 0, 8, 1, 9, 2, 10, 3, 11);
    const low = v128.shuffle<i32>(ab, cd, 0, 4, 1, 5);
    const high = v128.shuffle<i32>(ab, cd, 2, 6, 3, 7);
    v128.store(to, i16x8.extend_low_i8x16_u(low));
    v128.store(to, i16x8.extend_high_i8x16_u(low), 16);
    v128.store(to, i16x8.extend_low_i8x16_u(high), 32);
    v128.store(to, i16x8.extend_high_i8x16_u(high), 48);
  }
}

/** The same as bytes. Returns whether all are below 128. */
// @ts-ignore: decorator
@inline
function packGroup8(a: usize, b: usize, c: usize, d: usize, k: i32, to: usize): bool {
  let any = i8x16.splat(0);
  for (const end = a + k; a < end; a += 16, b += 16, c += 16, d += 16, to += 64) {
    const va = v128.load(a);
    const vb = v128.load(b);
    const vc = v128.load(c);
    const vd = v128.load(d);
    any = v128.or(v128.or(any, v128.or(va, vb)), v128.or(vc, vd));
    const ab0 = v128.shuffle<i32>(va, vb, 0, 4, 1, 5);
    const ab1 = v128.shuffle<i32>(va, vb, 2, 6, 3, 7);
    const cd0 = v128.shuffle<i32>(vc, vd, 0, 4, 1, 5);
    const cd1 = v128.shuffle<i32>(vc, vd, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<i64>(ab0, cd0, 0, 2));
    v128.store(to, v128.shuffle<i64>(ab0, cd0, 1, 3), 16);
    v128.store(to, v128.shuffle<i64>(ab1, cd1, 0, 2), 32);
    v128.store(to, v128.shuffle<i64>(ab1, cd1, 1, 3), 48);
  }
  return !i8x16.bitmask(any);
}

/** Six rows of k bytes, bits flipped by `flip` → a group of six. */
// @ts-ignore: decorator
@inline
function packSix(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize, k: i32, to: usize, flip: v128): void {
  for (const end = a + k; a < end; a += 16, b += 16, c += 16, d += 16, e += 16, f += 16, to += 96) {
    const va = v128.xor(v128.load(a), flip);
    const vb = v128.xor(v128.load(b), flip);
    const vc = v128.xor(v128.load(c), flip);
    const vd = v128.xor(v128.load(d), flip);
    const ve = v128.xor(v128.load(e), flip);
    const vf = v128.xor(v128.load(f), flip);
    let ab = v128.shuffle<i32>(va, vb, 0, 4, 1, 5);
    let cd = v128.shuffle<i32>(vc, vd, 0, 4, 1, 5);
    let ef = v128.shuffle<i32>(ve, vf, 0, 4, 1, 5);
    v128.store(to, v128.shuffle<i64>(ab, cd, 0, 2));
    v128.store(to, v128.shuffle<i64>(ef, ab, 0, 3), 16);
    v128.store(to, v128.shuffle<i64>(cd, ef, 1, 3), 32);
    ab = v128.shuffle<i32>(va, vb, 2, 6, 3, 7);
    cd = v128.shuffle<i32>(vc, vd, 2, 6, 3, 7);
    ef = v128.shuffle<i32>(ve, vf, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<i64>(ab, cd, 0, 2), 48);
    v128.store(to, v128.shuffle<i64>(ef, ab, 0, 3), 64);
    v128.store(to, v128.shuffle<i64>(cd, ef, 1, 3), 80);
  }
}

/** Bytes of a group of int16, and of one of bytes, which are never more. */
// @ts-ignore: decorator
@inline
function groupBytes16(k: i32): usize {
  return <usize>((k + 7) >> 3) << 6;
}

// @ts-ignore: decorator
@inline
function groupBytes8(k: i32): usize {
  return <usize>((k + 15) >> 4) << 6;
}

/** Bytes of a group of six. */
// @ts-ignore: decorator
@inline
function groupBytesSix(k: i32): usize {
  return <usize>((k + 15) >> 4) * 96;
}

/** Where the sums of the rows of a tile of groups of six are. */
// @ts-ignore: decorator
@inline
function sumsOf(tile: usize, rows: i32, k: i32): usize {
  return tile + <usize>((rows + 5) / 6) * groupBytesSix(k);
}

/**
 * `rows` rows of bytes at a distance of `stride` → the forms, and groups of 4 rows, each in the better form; the last row
 * stands for those past the end. A run of groups of one form lies as `product` wants it, and begins where it would if all
 * groups were int16. (Above 127 there may be few bytes: what clamping at calibration's range cut off.) `sums`: after groups of 6
 * rows, the sum of each row. `whole`: all groups in the form that the constants say, whatever lies past k.
 */
function packTile(
  from: usize, stride: i32, rows: i32, k: i32, forms: usize, constants: usize, sums: bool, whole: bool,
): void {
  const bytes16 = groupBytes16(k);
  const form = RELAXED ? load<i32>(constants, FORM_FLAG) : FORM_EXACT;
  let to16 = forms + <usize>TILE_FORMS;
  let to8 = to16;
  if (form >= FORM_UNSIGNED) {
    const flip = i8x16.splat(<i8>(form == FORM_SIGNED ? 128 : 0));
    if (sums) {
      const to = sumsOf(to8, rows, k);
      const less = form == FORM_SIGNED ? 128 * k : 0;
      for (let r: i32 = 0; r < rows; r++) store<i32>(to + (<usize>r << 2), sumBytes(from + <usize>(r * stride), k, i8x16.splat(0)) - less);
    }
    for (let r: i32 = 0; r < rows; r += 6, to8 += groupBytesSix(k)) {
      const left = rows - r;
      const b = left > 1 ? from + stride : from;
      const c = left > 2 ? b + stride : b;
      const d = left > 3 ? c + stride : c;
      const e = left > 4 ? d + stride : d;
      const f = left > 5 ? e + stride : e;
      packSix(from, b, c, d, e, f, k, to8, flip);
      from = f + stride;
    }
    return;
  }
  for (let r: i32 = 0; r < rows; r += 4, from += <usize>stride << 2, to16 += bytes16, forms++) {
    const left = rows - r;
    const b = left > 1 ? from + stride : from;
    const c = left > 2 ? b + stride : b;
    const d = left > 3 ? c + stride : c;
    if (RELAXED) {
      const found = form == FORM_SEVEN && (packGroup8(from, b, c, d, k, to8) || whole) ? FORM_SEVEN : FORM_EXACT;
      store<u8>(forms, <u8>found);
      if (found) {
        to8 += groupBytes8(k);
        continue;
      }
      to8 = to16 + bytes16;
    }
    packGroup16(from, b, c, d, k, to16);
  }
}

/** c + four products each of bytes of w, int8, and of x, which are uint8 or int8 as the engine takes them. */
// @ts-ignore: decorator
@inline
export function dot(w: v128, x: v128, c: v128): v128 {
  if (!EMULATED) return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, c);
  if (EMULATED == 1) {
    const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(w), i16x8.extend_low_i8x16_u(x));
    const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(w), i16x8.extend_high_i8x16_u(x));
    const even = v128.shuffle<i32>(low, high, 0, 2, 4, 6);
    return i32x4.add(c, i32x4.add(even, v128.shuffle<i32>(low, high, 1, 3, 5, 7)));
  }
  // As V8's first compiler does it.
  const low = i16x8.extmul_low_i8x16_s(w, x);
  const high = i16x8.extmul_high_i8x16_s(w, x);
  const even = v128.shuffle<i16>(low, high, 0, 2, 4, 6, 8, 10, 12, 14);
  const pairs = i16x8.add(even, v128.shuffle<i16>(low, high, 1, 3, 5, 7, 9, 11, 13, 15));
  return i32x4.add(c, i32x4.extadd_pairwise_i16x8_s(pairs));
}

/** `dot` of four times w and x: tells how the engine takes x. 0 without relaxed SIMD. */
export function dotOf(w: i32, x: i32): i32 {
  return RELAXED ? i32x4.extract_lane(dot(i8x16.splat(<i8>w), i8x16.splat(<i8>x), i32x4.splat(0)), 0) : 0;
}

// @ts-ignore: decorator
@inline
function mac(form: i32, c: v128, w: v128, x: v128, ones: v128): v128 {
  if (RELAXED) {
    if (form == FORM_SEVEN) return i32x4.add(c, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(w, x), ones));
  }
  return i32x4.add(c, i32x4.dot_i16x8_s(w, x));
}

/**
 * A packed tile of rows times the panels p0 ≤ p < p1 → y. `steps` of 4 bytes a row.
 * float: y is float32, multiplier8 the scales of the weights, bias8 their sums: see qgemmDynamic.
 */
// @ts-ignore: decorator
@inline
function product(
  form: i32, float: bool, packed: usize, rows: i32, steps: i32, weights: usize, bias8: usize, multiplier8: usize,
  constants: usize, y: usize, yStride: i32, n: i32, p0: i32, p1: i32, floatBias: usize,
): void {
  const groupBytes = <usize>((steps + 3) >> 2) << 6;
  const panelBytes = <usize>steps << 5;
  const small = load<i32>(constants, SMALL_FLAG) != 0;
  const bounded = isBounded(constants);
  const ones = v128.load(ONES);
  const panelEnd = weights + <usize>p1 * panelBytes;
  let column = p0 * PANEL;
  for (let panel = weights + <usize>p0 * panelBytes; panel < panelEnd; panel += panelBytes, column += PANEL) {
    const parameters = <usize>column << 2;
    const count = n - column;
    let x = packed;
    let next = x;
    for (let r: i32 = 0; r < rows; r += 4) {
      let w = panel;
      x = next;
      next += groupBytes;
      let c00 = v128.load(bias8 + parameters);
      let c01 = v128.load(bias8 + parameters, 16);
      let c10 = c00, c11 = c01, c20 = c00, c21 = c01, c30 = c00, c31 = c01;
      let w0: v128, w1: v128, v: v128;
      const left = rows - r;
      if (left == 1) {
        for (const end = panel + panelBytes; w < end; x += 16, w += 32) {
          v = v128.load32_splat(x);
          c00 = mac(form, c00, v128.load(w), v, ones);
          c01 = mac(form, c01, v128.load(w, 16), v, ones);
        }
      } else {
        // Not unrolled: binaryen then takes the sums one by one, and all weights of the block fill the registers. V8
        // unrolls.
        for (const end = panel + panelBytes; w < end; x += 16, w += 32) {
          w0 = v128.load(w);
          w1 = v128.load(w, 16);
          v = v128.load32_splat(x);
          c00 = mac(form, c00, w0, v, ones);
          c01 = mac(form, c01, w1, v, ones);
          v = v128.load32_splat(x, 4);
          c10 = mac(form, c10, w0, v, ones);
          c11 = mac(form, c11, w1, v, ones);
          v = v128.load32_splat(x, 8);
          c20 = mac(form, c20, w0, v, ones);
          c21 = mac(form, c21, w1, v, ones);
          v = v128.load32_splat(x, 12);
          c30 = mac(form, c30, w0, v, ones);
          c31 = mac(form, c31, w1, v, ones);
        }
      }
      if (float) {
        const to = y + (<usize>(r * yStride + column) << 2);
        const step = <usize>yStride << 2;
        const scale = v128.load(constants, 16);
        const s0 = f32x4.mul(scale, v128.load(multiplier8 + parameters));
        const s1 = f32x4.mul(scale, v128.load(multiplier8 + parameters, 16));
        const b0 = v128.load(floatBias + parameters);
        const b1 = v128.load(floatBias + parameters, 16);
        // The sums of the weights are in the sums once.
        const zero = v128.load(constants);
        const z0 = i32x4.mul(v128.load(bias8 + parameters), zero);
        const z1 = i32x4.mul(v128.load(bias8 + parameters, 16), zero);
        c00 = toFloat(i32x4.add(c00, z0), s0, b0);
        c01 = toFloat(i32x4.add(c01, z1), s1, b1);
        c10 = toFloat(i32x4.add(c10, z0), s0, b0);
        c11 = toFloat(i32x4.add(c11, z1), s1, b1);
        c20 = toFloat(i32x4.add(c20, z0), s0, b0);
        c21 = toFloat(i32x4.add(c21, z1), s1, b1);
        c30 = toFloat(i32x4.add(c30, z0), s0, b0);
        c31 = toFloat(i32x4.add(c31, z1), s1, b1);
        if (left >= 4 && count >= PANEL) {
          v128.store(to, c00);
          v128.store(to, c01, 16);
          v128.store(to + step, c10);
          v128.store(to + step, c11, 16);
          v128.store(to + step * 2, c20);
          v128.store(to + step * 2, c21, 16);
          v128.store(to + step * 3, c30);
          v128.store(to + step * 3, c31, 16);
          continue;
        }
        storeFloats(to, c00, c01, count);
        if (left > 1) storeFloats(to + step, c10, c11, count);
        if (left > 2) storeFloats(to + step * 2, c20, c21, count);
        if (left > 3) storeFloats(to + step * 3, c30, c31, count);
        continue;
      }
      let m0 = v128.load(multiplier8 + parameters);
      let m1 = v128.load(multiplier8 + parameters, 16);
      if (!small) {
        m0 = limitMultiplier(m0), m1 = limitMultiplier(m1);
        const l0 = limitOf(m0), l1 = limitOf(m1);
        c00 = limit(c00, l0), c01 = limit(c01, l1), c10 = limit(c10, l0), c11 = limit(c11, l1);
        c20 = limit(c20, l0), c21 = limit(c21, l1), c30 = limit(c30, l0), c31 = limit(c31, l1);
      }
      c00 = requantizeInTurn(c00, c01, c10, c11, m0, m1, m0, m1, constants, bounded);
      c20 = requantizeInTurn(c20, c21, c30, c31, m0, m1, m0, m1, constants, bounded);
      const to = y + <usize>(r * yStride + column);
      // Where rows follow one another, what a store leaves past the end of one is for the next to overwrite.
      const whole = count >= PANEL || (n == yStride && n < PANEL && (left - 3) * n >= PANEL);
      if (left >= 4 && whole) {
        v128.store64_lane(to, c00, 0);
        v128.store64_lane(to + yStride, c00, 1);
        v128.store64_lane(to + (<usize>yStride << 1), c20, 0);
        v128.store64_lane(to + <usize>yStride * 3, c20, 1);
      } else {
        storeRows(to, yStride, left, count, c00, c20);
      }
    }
  }
}

/** c - zeros · the sum of a row. */
// @ts-ignore: decorator
@inline
function lessZeros(c: v128, zeros: v128, sum: usize): v128 {
  return i32x4.sub(c, i32x4.mul(zeros, v128.load32_splat(sum)));
}

/**
 * The same of groups of six, by `dot`: with twelve sums no product waits for the one before it. zeros8: 0, or what `sums`, those of the
 * rows, are multiplied by and taken off.
 */
// @ts-ignore: decorator
@inline
function productSix(
  float: bool, packed: usize, rows: i32, steps: i32, weights: usize, bias8: usize, multiplier8: usize,
  constants: usize, y: usize, yStride: i32, n: i32, p0: i32, p1: i32, floatBias: usize, zeros8: usize, sums: usize,
): void {
  const groupBytes = <usize>((steps + 3) >> 2) * 96;
  const panelBytes = <usize>steps << 5;
  const small = load<i32>(constants, SMALL_FLAG) != 0;
  const bounded = isBounded(constants);
  const rowBytes = <usize>yStride * (float ? 24 : 6);
  const panelEnd = weights + <usize>p1 * panelBytes;
  let column = p0 * PANEL;
  for (let panel = weights + <usize>p0 * panelBytes; panel < panelEnd; panel += panelBytes, column += PANEL) {
    const parameters = <usize>column << 2;
    const count = n - column;
    // Rows from which whole vectors may be stored: where rows follow one another, what a store leaves past the end of one is for
    // the next to overwrite.
    const whole = count >= PANEL ? 6 : n == yStride && n < PANEL ? 5 + (PANEL + n - 1) / n : i32.MAX_VALUE;
    let x = packed;
    let next = x;
    let to = y + (float ? <usize>column << 2 : <usize>column);
    for (let left = rows; left > 0; left -= 6, to += rowBytes) {
      let w = panel;
      x = next;
      next += groupBytes;
      let c00 = v128.load(bias8 + parameters);
      let c01 = v128.load(bias8 + parameters, 16);
      let c10 = c00, c11 = c01, c20 = c00, c21 = c01, c30 = c00, c31 = c01, c40 = c00, c41 = c01, c50 = c00, c51 = c01;
      if (zeros8) {
        const z0 = v128.load(zeros8 + parameters), z1 = v128.load(zeros8 + parameters, 16);
        const sum = sums + (<usize>(rows - left) << 2);
        c00 = lessZeros(c00, z0, sum), c01 = lessZeros(c01, z1, sum);
        c10 = lessZeros(c10, z0, sum + 4), c11 = lessZeros(c11, z1, sum + 4);
        c20 = lessZeros(c20, z0, sum + 8), c21 = lessZeros(c21, z1, sum + 8);
        c30 = lessZeros(c30, z0, sum + 12), c31 = lessZeros(c31, z1, sum + 12);
        c40 = lessZeros(c40, z0, sum + 16), c41 = lessZeros(c41, z1, sum + 16);
        c50 = lessZeros(c50, z0, sum + 20), c51 = lessZeros(c51, z1, sum + 20);
      }
      let w0: v128, w1: v128, v: v128;
      if (left > 4) {
        for (const end = panel + panelBytes; w < end; x += 24, w += 32) {
          w0 = v128.load(w);
          w1 = v128.load(w, 16);
          v = v128.load32_splat(x);
          c00 = dot(w0, v, c00);
          c01 = dot(w1, v, c01);
          v = v128.load32_splat(x, 4);
          c10 = dot(w0, v, c10);
          c11 = dot(w1, v, c11);
          v = v128.load32_splat(x, 8);
          c20 = dot(w0, v, c20);
          c21 = dot(w1, v, c21);
          v = v128.load32_splat(x, 12);
          c30 = dot(w0, v, c30);
          c31 = dot(w1, v, c31);
          v = v128.load32_splat(x, 16);
          c40 = dot(w0, v, c40);
          c41 = dot(w1, v, c41);
          v = v128.load32_splat(x, 20);
          c50 = dot(w0, v, c50);
          c51 = dot(w1, v, c51);
        }
      } else {
        for (const end = panel + panelBytes; w < end; x += 24, w += 32) {
          w0 = v128.load(w);
          w1 = v128.load(w, 16);
          v = v128.load32_splat(x);
          c00 = dot(w0, v, c00);
          c01 = dot(w1, v, c01);
          if (left == 1) continue;
          v = v128.load32_splat(x, 4);
          c10 = dot(w0, v, c10);
          c11 = dot(w1, v, c11);
          v = v128.load32_splat(x, 8);
          c20 = dot(w0, v, c20);
          c21 = dot(w1, v, c21);
          v = v128.load32_splat(x, 12);
          c30 = dot(w0, v, c30);
          c31 = dot(w1, v, c31);
        }
      }
      if (float) {
        const step = <usize>yStride << 2;
        const scale = v128.load(constants, 16);
        const s0 = f32x4.mul(scale, v128.load(multiplier8 + parameters));
        const s1 = f32x4.mul(scale, v128.load(multiplier8 + parameters, 16));
        const b0 = v128.load(floatBias + parameters);
        const b1 = v128.load(floatBias + parameters, 16);
        // The sums of the weights are in the sums once.
        const zero = v128.load(constants);
        const z0 = i32x4.mul(v128.load(bias8 + parameters), zero);
        const z1 = i32x4.mul(v128.load(bias8 + parameters, 16), zero);
        c00 = toFloat(i32x4.add(c00, z0), s0, b0);
        c01 = toFloat(i32x4.add(c01, z1), s1, b1);
        c10 = toFloat(i32x4.add(c10, z0), s0, b0);
        c11 = toFloat(i32x4.add(c11, z1), s1, b1);
        c20 = toFloat(i32x4.add(c20, z0), s0, b0);
        c21 = toFloat(i32x4.add(c21, z1), s1, b1);
        c30 = toFloat(i32x4.add(c30, z0), s0, b0);
        c31 = toFloat(i32x4.add(c31, z1), s1, b1);
        c40 = toFloat(i32x4.add(c40, z0), s0, b0);
        c41 = toFloat(i32x4.add(c41, z1), s1, b1);
        c50 = toFloat(i32x4.add(c50, z0), s0, b0);
        c51 = toFloat(i32x4.add(c51, z1), s1, b1);
        if (left >= 6 && count >= PANEL) {
          v128.store(to, c00);
          v128.store(to, c01, 16);
          v128.store(to + step, c10);
          v128.store(to + step, c11, 16);
          v128.store(to + step * 2, c20);
          v128.store(to + step * 2, c21, 16);
          v128.store(to + step * 3, c30);
          v128.store(to + step * 3, c31, 16);
          v128.store(to + step * 4, c40);
          v128.store(to + step * 4, c41, 16);
          v128.store(to + step * 5, c50);
          v128.store(to + step * 5, c51, 16);
          continue;
        }
        storeFloats(to, c00, c01, count);
        if (left > 1) storeFloats(to + step, c10, c11, count);
        if (left > 2) storeFloats(to + step * 2, c20, c21, count);
        if (left > 3) storeFloats(to + step * 3, c30, c31, count);
        if (left > 4) storeFloats(to + step * 4, c40, c41, count);
        if (left > 5) storeFloats(to + step * 5, c50, c51, count);
        continue;
      }
      let m0 = v128.load(multiplier8 + parameters);
      let m1 = v128.load(multiplier8 + parameters, 16);
      if (!small) {
        m0 = limitMultiplier(m0), m1 = limitMultiplier(m1);
        const l0 = limitOf(m0), l1 = limitOf(m1);
        c00 = limit(c00, l0), c01 = limit(c01, l1), c10 = limit(c10, l0), c11 = limit(c11, l1);
        c20 = limit(c20, l0), c21 = limit(c21, l1), c30 = limit(c30, l0), c31 = limit(c31, l1);
        c40 = limit(c40, l0), c41 = limit(c41, l1), c50 = limit(c50, l0), c51 = limit(c51, l1);
      }
      c00 = requantizeInTurn(c00, c01, c10, c11, m0, m1, m0, m1, constants, bounded);
      c20 = requantizeInTurn(c20, c21, c30, c31, m0, m1, m0, m1, constants, bounded);
      c40 = requantizeInTurn(c40, c41, c50, c51, m0, m1, m0, m1, constants, bounded);
      if (left >= whole) {
        v128.store64_lane(to, c00, 0);
        v128.store64_lane(to + yStride, c00, 1);
        v128.store64_lane(to + (<usize>yStride << 1), c20, 0);
        v128.store64_lane(to + <usize>yStride * 3, c20, 1);
        v128.store64_lane(to + (<usize>yStride << 2), c40, 0);
        v128.store64_lane(to + <usize>yStride * 5, c40, 1);
      } else {
        storeRows(to, yStride, left, count, c00, c20);
        if (left > 4) storeRows(to + (<usize>yStride << 2), yStride, left - 4, count, c40, c40);
      }
    }
  }
}

/** Up to 8 floats. Not inlined: for the last rows or outputs alone. */
function storeFloats(to: usize, low: v128, high: v128, count: i32): void {
  storeLanes32(to, low, count);
  if (count > 4) storeLanes32(to + 16, high, count - 4);
}

function tileExact(
  packed: usize, rows: i32, steps: i32, weights: usize, bias8: usize, multiplier8: usize, constants: usize,
  y: usize, yStride: i32, n: i32, p0: i32, p1: i32,
): void {
  product(FORM_EXACT, false, packed, rows, steps, weights, bias8, multiplier8, constants, y, yStride, n, p0, p1, 0);
}

function tileSeven(
  packed: usize, rows: i32, steps: i32, weights: usize, bias8: usize, multiplier8: usize, constants: usize,
  y: usize, yStride: i32, n: i32, p0: i32, p1: i32,
): void {
  product(FORM_SEVEN, false, packed, rows, steps, weights, bias8, multiplier8, constants, y, yStride, n, p0, p1, 0);
}

/** Unsigned or signed: what differs is in the activations and the bias. */
function tileBytes(
  packed: usize, rows: i32, steps: i32, weights: usize, bias8: usize, multiplier8: usize, constants: usize,
  y: usize, yStride: i32, n: i32, p0: i32, p1: i32, zeros8: usize, sums: usize,
): void {
  productSix(false, packed, rows, steps, weights, bias8, multiplier8, constants, y, yStride, n, p0, p1, 0, zeros8, sums);
}

function tileFloat(
  packed: usize, rows: i32, steps: i32, weights: usize, bias8: usize, multiplier8: usize, constants: usize,
  y: usize, yStride: i32, n: i32, p0: i32, p1: i32, floatBias: usize,
): void {
  product(FORM_EXACT, true, packed, rows, steps, weights, bias8, multiplier8, constants, y, yStride, n, p0, p1, floatBias);
}

function tileFloatSeven(
  packed: usize, rows: i32, steps: i32, weights: usize, bias8: usize, multiplier8: usize, constants: usize,
  y: usize, yStride: i32, n: i32, p0: i32, p1: i32, floatBias: usize,
): void {
  product(FORM_SEVEN, true, packed, rows, steps, weights, bias8, multiplier8, constants, y, yStride, n, p0, p1, floatBias);
}

function tileFloatBytes(
  packed: usize, rows: i32, steps: i32, weights: usize, bias8: usize, multiplier8: usize, constants: usize,
  y: usize, yStride: i32, n: i32, p0: i32, p1: i32, floatBias: usize,
): void {
  productSix(true, packed, rows, steps, weights, bias8, multiplier8, constants, y, yStride, n, p0, p1, floatBias, 0, 0);
}

/** Panels of split s of `splits`, of group g, times what packTile made. */
function splitTile(
  forms: usize, rows: i32, k: i32, n: i32, g: i32, s: i32, splits: i32,
  packed16: usize, packed8: usize, bias8: usize, multiplier8: usize, zeros8: usize, constants: usize, y: usize, yStride: i32,
): void {
  const panels = (n + PANEL - 1) / PANEL;
  const first = <usize>(g * panels);
  const p0 = panels * s / splits;
  const p1 = panels * (s + 1) / splits;
  const bias = bias8 + (first << 5);
  const multiplier = multiplier8 + (first << 5);
  const pairs = (k + 1) >> 1;
  const weights16 = packed16 + first * pairs * 32;
  let tile = forms + <usize>TILE_FORMS;
  if (!RELAXED) {
    tileExact(tile, rows, pairs, weights16, bias, multiplier, constants, y, yStride, n, p0, p1);
    return;
  }
  const quads = (k + 3) >> 2;
  const weights8 = packed8 + first * quads * 32;
  if (load<i32>(constants, FORM_FLAG) >= FORM_UNSIGNED) {
    const zeros = zeros8 ? zeros8 + (first << 5) : 0;
    tileBytes(tile, rows, quads, weights8, bias, multiplier, constants, y, yStride, n, p0, p1, zeros, sumsOf(tile, rows, k));
    return;
  }
  const groups = (rows + 3) >> 2;
  for (let i: i32 = 0; i < groups; ) {
    const form = <i32>load<u8>(forms + i);
    let end = i + 1;
    while (end < groups && <i32>load<u8>(forms + end) == form) end++;
    const count = min(rows, end << 2) - (i << 2);
    if (form == FORM_SEVEN) tileSeven(tile, count, quads, weights8, bias, multiplier, constants, y, yStride, n, p0, p1);
    else tileExact(tile, count, pairs, weights16, bias, multiplier, constants, y, yStride, n, p0, p1);
    tile += <usize>(end - i) * groupBytes16(k);
    y += <usize>(count * yStride);
    i = end;
  }
}

/**
 * x [m, groups · k] uint8 → y [m, groups · n] uint8. Units are tiles of `tile` rows × groups × `splits` ranges of
 * panels; scratch holds scratchStep bytes for each thread: the packed tile.
 */
export function qgemm(
  x: usize, m: i32, k: i32, n: i32, groups: i32, tile: i32, splits: i32,
  packed16: usize, packed8: usize, bias8: usize, multiplier8: usize, zeros8: usize, constants: usize,
  y: usize, scratch: usize, scratchStep: i32, begin: i32, end: i32, thread: i32,
): void {
  const packed = scratch + <usize>thread * scratchStep;
  const stride = groups * k;
  const tiles = (m + tile - 1) / tile * groups;
  let last: i32 = -1;
  for (let unit = begin; unit < end; unit++) {
    const s = unit / tiles;
    const at = unit - s * tiles;
    const t = at / groups;
    const g = at - t * groups;
    const row = t * tile;
    const rows = min(tile, m - row);
    if (at != last) {
      packTile(x + <usize>row * stride + g * k, stride, rows, k, packed, constants, zeros8 != 0, false);
      last = at;
    }
    splitTile(
      packed, rows, k, n, g, s, splits, packed16, packed8, bias8, multiplier8, zeros8, constants,
      y + <usize>row * (groups * n) + g * n, groups * n,
    );
  }
}

/** `count` bytes, and up to 15 more. */
// @ts-ignore: decorator
@inline
function copyOver(from: usize, count: i32, to: usize): void {
  for (let i: i32 = 0; i < count; i += 16) v128.store(to + i, v128.load(from + i));
}

/** `count` bytes of a kind, and up to 15 more. */
// @ts-ignore: decorator
@inline
function fillOver(value: v128, count: i32, to: usize): void {
  for (let i: i32 = 0; i < count; i += 16) v128.store(to + i, value);
}

/** `count` bytes of which those from `low` to `high` are at `from` and the others are padding, and up to 15 more. */
// @ts-ignore: decorator
@inline
function copyPadded(from: usize, count: i32, low: i32, high: i32, padding: v128, to: usize): void {
  if (low >= high) return fillOver(padding, count, to);
  const places = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (let i: i32 = 0; i < count; i += 16) {
    const inside = v128.and(
      i8x16.ge_s(places, i8x16.splat(<i8>(low - i))), i8x16.lt_s(places, i8x16.splat(<i8>(high - i))),
    );
    v128.store(to + i, v128.bitselect(v128.load(from + i), padding, inside));
  }
}

/** Bytes of a kernel's row up to which gatherNarrow takes it: so many may be read before and after an image. */
const NARROW: i32 = 48;

/**
 * Patches of output positions row to row + rows, `step` bytes each, where a kernel's row lies side by side and is at most NARROW
 * bytes. A row of the kernel at a time for all output columns side by side: few copies, one after the other. What a copy leaves
 * past its row of the kernel is overwritten by the next, or is within `step`.
 */
function gatherNarrow(
  x: usize, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32, kernelHeight: i32, kernelWidth: i32,
  strideHeight: i32, strideWidth: i32, padHeight: i32, padWidth: i32, dilationHeight: i32, padding: v128,
  row: i32, rows: i32, step: i32, patches: usize,
): void {
  const span = kernelWidth * channels;
  const pixels = <usize>(strideWidth * channels);
  // Output columns whose taps are all inside.
  const inside0 = (padWidth + strideWidth - 1) / strideWidth;
  const inside1 = width + padWidth < kernelWidth ? 0 : (width + padWidth - kernelWidth) / strideWidth + 1;
  let image = row / (outHeight * outWidth);
  let oh = (row - image * outHeight * outWidth) / outWidth;
  let first = row - (image * outHeight + oh) * outWidth;
  while (rows > 0) {
    const last = min(outWidth, first + rows);
    const copied0 = min(last, max(first, inside0));
    const copied1 = min(last, max(copied0, inside1));
    let to = patches;
    for (let kh: i32 = 0; kh < kernelHeight; kh++, to += span) {
      const h = oh * strideHeight - padHeight + kh * dilationHeight;
      let at = to;
      if (h < 0 || h >= height) {
        for (let ow = first; ow < last; ow++, at += step) fillOver(padding, span, at);
        continue;
      }
      let from = x + <usize>((image * height + h) * width * channels) + <usize>((first * strideWidth - padWidth) * channels);
      let ow = first;
      while (true) {
        for (; ow < copied0 || (ow >= copied1 && ow < last); ow++, from += pixels, at += step) {
          const left = ow * strideWidth - padWidth;
          copyPadded(from, span, max(0, -left) * channels, min(kernelWidth, width - left) * channels, padding, at);
        }
        if (ow == last) break;
        if (span <= 16) for (; ow < copied1; ow++, from += pixels, at += step) v128.store(at, v128.load(from));
        else for (; ow < copied1; ow++, from += pixels, at += step) copyOver(from, span, at);
      }
    }
    patches += <usize>((last - first) * step);
    rows -= last - first;
    first = 0;
    if (++oh == outHeight) {
      oh = 0;
      image++;
    }
  }
}

/**
 * Patches of output positions row to row + rows in group g, `step` bytes each, at least the patch and 15 more. 64 bytes after them may
 * be written. Not inlined: once for a tile.
 */
function gather(
  x: usize, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32, kernelHeight: i32, kernelWidth: i32,
  strideHeight: i32, strideWidth: i32, padHeight: i32, padWidth: i32, dilationHeight: i32, dilationWidth: i32,
  xZeroPoint: i32, groups: i32, g: i32, row: i32, rows: i32, step: i32, patches: usize,
): void {
  const padding = i8x16.splat(<i8>xZeroPoint);
  if (groups == 1 && dilationWidth == 1 && kernelWidth * channels <= NARROW) {
    return gatherNarrow(
      x, height, width, channels, outHeight, outWidth, kernelHeight, kernelWidth, strideHeight, strideWidth, padHeight,
      padWidth, dilationHeight, padding, row, rows, step, patches,
    );
  }
  const pixel = groups * channels;
  let image = row / (outHeight * outWidth);
  let oh = (row - image * outHeight * outWidth) / outWidth;
  let ow = row - (image * outHeight + oh) * outWidth;
  for (let r: i32 = 0; r < rows; r++) {
    let to = patches + <usize>r * step;
    const left = ow * strideWidth - padWidth;
    const top = oh * strideHeight - padHeight;
    // All columns lie side by side: one copy for each row.
    const inside = dilationWidth == 1 && groups == 1 && left >= 0 && left + kernelWidth <= width;
    for (let kh: i32 = 0; kh < kernelHeight; kh++) {
      const h = top + kh * dilationHeight;
      if (h < 0 || h >= height) {
        fillOver(padding, kernelWidth * channels, to);
        to += kernelWidth * channels;
        continue;
      }
      const line = x + <usize>((image * height + h) * width) * pixel + g * channels;
      if (inside) {
        copyOver(line + <usize>left * pixel, kernelWidth * channels, to);
        to += kernelWidth * channels;
        continue;
      }
      for (let kw: i32 = 0; kw < kernelWidth; kw++, to += channels) {
        const w = left + kw * dilationWidth;
        if (w < 0 || w >= width) fillOver(padding, channels, to);
        else copyOver(line + <usize>w * pixel, channels, to);
      }
    }
    if (++ow == outWidth) {
      ow = 0;
      if (++oh == outHeight) {
        oh = 0;
        image++;
      }
    }
  }
}

/**
 * x [batch, height, width, groups · channels] uint8, packed weights of k = kernelHeight · kernelWidth · channels → y
 * [batch, outHeight, outWidth, groups · n] uint8. As qgemm, over the patches under the kernel: scratch also has room
 * for a tile of them, of patchStep bytes each, at least k + 15 and a multiple of 16, and 64 bytes more.
 */
export function qconv(
  x: usize, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32,
  kernelHeight: i32, kernelWidth: i32, strideHeight: i32, strideWidth: i32, padHeight: i32, padWidth: i32,
  dilationHeight: i32, dilationWidth: i32, xZeroPoint: i32,
  m: i32, n: i32, groups: i32, tile: i32, splits: i32, patchStep: i32,
  packed16: usize, packed8: usize, bias8: usize, multiplier8: usize, zeros8: usize, constants: usize,
  y: usize, scratch: usize, scratchStep: i32, begin: i32, end: i32, thread: i32,
): void {
  const k = kernelHeight * kernelWidth * channels;
  const patches = scratch + <usize>thread * scratchStep;
  const packed = patches + <usize>(patchStep * tile + 64);
  const tiles = (m + tile - 1) / tile * groups;
  let last: i32 = -1;
  for (let unit = begin; unit < end; unit++) {
    const s = unit / tiles;
    const at = unit - s * tiles;
    const t = at / groups;
    const g = at - t * groups;
    const row = t * tile;
    const rows = min(tile, m - row);
    if (at != last) {
      gather(
        x, height, width, channels, outHeight, outWidth, kernelHeight, kernelWidth, strideHeight, strideWidth, padHeight,
        padWidth, dilationHeight, dilationWidth, xZeroPoint, groups, g, row, rows, patchStep, patches,
      );
      packTile(patches, patchStep, rows, k, packed, constants, zeros8 != 0, false);
      last = at;
    }
    splitTile(
      packed, rows, k, n, g, s, splits, packed16, packed8, bias8, multiplier8, zeros8, constants,
      y + <usize>row * (groups * n) + g * n, groups * n,
    );
  }
}

/** The smallest and largest of 0 and every `block` elements of x [n] float32, NaN if any is → extremes [units][2]. */
export function qrange(x: usize, n: i32, block: i32, extremes: usize, begin: i32, end: i32, thread: i32): void {
  for (let unit = begin; unit < end; unit++) {
    let low = f32x4.splat(0);
    let high = low;
    // The others ignore NaN, and take one instruction instead of many.
    let strange = low;
    let i = unit * block;
    const last = min(n, i + block);
    for (; i + 4 <= last; i += 4) {
      const v = v128.load(x + (<usize>i << 2));
      low = f32x4.pmin(low, v);
      high = f32x4.pmax(high, v);
      strange = v128.or(strange, f32x4.ne(v, v));
    }
    for (; i < last; i++) {
      const v = v128.load32_splat(x + (<usize>i << 2));
      low = f32x4.pmin(low, v);
      high = f32x4.pmax(high, v);
      strange = v128.or(strange, f32x4.ne(v, v));
    }
    low = f32x4.pmin(low, v128.shuffle<i32>(low, low, 2, 3, 0, 1));
    high = f32x4.pmax(high, v128.shuffle<i32>(high, high, 2, 3, 0, 1));
    low = f32x4.pmin(low, v128.shuffle<i32>(low, low, 1, 0, 3, 2));
    high = f32x4.pmax(high, v128.shuffle<i32>(high, high, 1, 0, 3, 2));
    store<f32>(extremes + (<usize>unit << 3), v128.any_true(strange) ? f32.NaN : f32x4.extract_lane(low, 0));
    store<f32>(extremes + (<usize>unit << 3), f32x4.extract_lane(high, 0), 4);
  }
}

/** Rounded to an integer, which is bounded first: bounds are whole numbers. */
// @ts-ignore: decorator
@inline
function quantize4(x: usize, inverse: v128, low: v128, high: v128, magic: v128, offset: v128): v128 {
  const v = f32x4.pmin(high, f32x4.pmax(low, f32x4.mul(v128.load(x), inverse)));
  return i32x4.sub(f32x4.add(v, magic), offset);
}

/** What the float forms of a tile want at `constants`: what sums of weights are multiplied by, and the scale of x. */
// @ts-ignore: decorator
@inline
function storeFloatConstants(constants: usize, scale: f32, zeroPoint: i32, form: i32): void {
  v128.store(constants, i32x4.splat((form == FORM_SIGNED ? 127 : -1) - zeroPoint));
  v128.store(constants, f32x4.splat(scale), 16);
}

/** As splitTile, of a tile in one form, with the bias in floats: y is float32. */
function splitFloat(
  form: i32, packed: usize, rows: i32, k: i32, n: i32, g: i32, s: i32, splits: i32, packed16: usize, packed8: usize,
  bias8: usize, multiplier8: usize, bias: usize, constants: usize, y: usize, yStride: i32,
): void {
  const panels = (n + PANEL - 1) / PANEL;
  const first = <usize>(g * panels);
  const p0 = panels * s / splits;
  const p1 = panels * (s + 1) / splits;
  const sums = bias8 + (first << 5);
  const multiplier = multiplier8 + (first << 5);
  const floats = bias + (first << 5);
  if (!RELAXED || form == FORM_EXACT) {
    const pairs = (k + 1) >> 1;
    const weights = packed16 + (first * pairs << 5);
    tileFloat(packed, rows, pairs, weights, sums, multiplier, constants, y, yStride, n, p0, p1, floats);
    return;
  }
  const quads = (k + 3) >> 2;
  const weights = packed8 + (first * quads << 5);
  if (form >= FORM_UNSIGNED) {
    tileFloatBytes(packed, rows, quads, weights, sums, multiplier, constants, y, yStride, n, p0, p1, floats);
  } else tileFloatSeven(packed, rows, quads, weights, sums, multiplier, constants, y, yStride, n, p0, p1, floats);
}

/**
 * x [m, k] float32 → y [m, n] float32, x quantized to 0..quantMax by 1 / scale and zeroPoint on its way. bias8 holds the
 * sums of the weights, multiplier8 their scales, bias [panels · 8] float32. The weights are those of `form`: seven is for a
 * quantMax below 128. Units are as in qgemm.
 */
export function qgemmDynamic(
  x: usize, m: i32, k: i32, n: i32, tile: i32, splits: i32, scale: f32, zeroPoint: i32, quantMax: i32, form: i32,
  packed16: usize, packed8: usize, bias8: usize, multiplier8: usize, bias: usize,
  y: usize, scratch: usize, scratchStep: i32, begin: i32, end: i32, thread: i32,
): void {
  const constants = scratch + <usize>thread * scratchStep;
  const packed = constants + 64;
  const bytes = RELAXED && form != FORM_EXACT;
  const flip = i8x16.splat(<i8>(form == FORM_SIGNED ? 128 : 0));
  const inverse = f32x4.splat(<f32>1 / scale);
  const low = f32x4.splat(-<f32>zeroPoint);
  const high = f32x4.splat(<f32>(quantMax - zeroPoint));
  const magic = f32x4.splat(MAGIC);
  const offset = i32x4.splat(MAGIC_BITS - zeroPoint);
  storeFloatConstants(constants, scale, zeroPoint, form);
  const six = RELAXED && form >= FORM_UNSIGNED;
  const groupRows = six ? GROUP_ROWS_DOT : GROUP_ROWS;
  const groupBytes = six ? groupBytesSix(k) : bytes ? groupBytes8(k) : groupBytes16(k);
  const step = <usize>groupRows << 2;
  const tiles = (m + tile - 1) / tile;
  let last: i32 = -1;
  for (let unit = begin; unit < end; unit++) {
    const s = unit / tiles;
    const t = unit - s * tiles;
    const row = t * tile;
    const rows = min(tile, m - row);
    if (t != last) {
      for (let r: i32 = 0; r < rows; r++) {
        let at = x + (<usize>(row + r) * k << 2);
        let to = packed + <usize>(r / groupRows) * groupBytes + (<usize>(r % groupRows) << 2);
        const rowEnd = at + (<usize>k << 2);
        for (; at < rowEnd; at += 32) {
          const a = quantize4(at, inverse, low, high, magic, offset);
          const b = quantize4(at + 16, inverse, low, high, magic, offset);
          const q = i16x8.narrow_i32x4_s(a, b);
          if (bytes) {
            const eight = v128.xor(i8x16.narrow_i16x8_u(q, q), flip);
            v128.store32_lane(to, eight, 0);
            v128.store32_lane(to + step, eight, 1);
            to += step << 1;
          } else {
            v128.store32_lane(to, q, 0);
            v128.store32_lane(to, q, 1, 16);
            v128.store32_lane(to, q, 2, 32);
            v128.store32_lane(to, q, 3, 48);
            to += 64;
          }
        }
      }
      last = t;
    }
    splitFloat(
      form, packed, rows, k, n, 0, s, splits, packed16, packed8, bias8, multiplier8, bias, constants,
      y + (<usize>row * n << 2), n,
    );
  }
}

/**
 * As qconv, of x quantized by `scale` and xZeroPoint, to floats as qgemmDynamic gives them: y [batch, outHeight, outWidth, groups · n]
 * float32. Each thread's scratch has 128 bytes more.
 */
export function qconvDynamic(
  x: usize, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32,
  kernelHeight: i32, kernelWidth: i32, strideHeight: i32, strideWidth: i32, padHeight: i32, padWidth: i32,
  dilationHeight: i32, dilationWidth: i32, xZeroPoint: i32,
  m: i32, n: i32, groups: i32, tile: i32, splits: i32, patchStep: i32, scale: f32, form: i32,
  packed16: usize, packed8: usize, bias8: usize, multiplier8: usize, bias: usize,
  y: usize, scratch: usize, scratchStep: i32, begin: i32, end: i32, thread: i32,
): void {
  const k = kernelHeight * kernelWidth * channels;
  const constants = scratch + <usize>thread * scratchStep;
  const patches = constants + 128;
  const packed = patches + <usize>(patchStep * tile + 64);
  storeFloatConstants(constants, scale, xZeroPoint, form);
  store<i32>(constants, form, FORM_FLAG);
  const tiles = (m + tile - 1) / tile * groups;
  let last: i32 = -1;
  for (let unit = begin; unit < end; unit++) {
    const s = unit / tiles;
    const at = unit - s * tiles;
    const t = at / groups;
    const g = at - t * groups;
    const row = t * tile;
    const rows = min(tile, m - row);
    if (at != last) {
      gather(
        x, height, width, channels, outHeight, outWidth, kernelHeight, kernelWidth, strideHeight, strideWidth, padHeight,
        padWidth, dilationHeight, dilationWidth, xZeroPoint, groups, g, row, rows, patchStep, patches,
      );
      packTile(patches, patchStep, rows, k, packed, constants, false, true);
      last = at;
    }
    splitFloat(
      form, packed + <usize>TILE_FORMS, rows, k, n, g, s, splits, packed16, packed8, bias8, multiplier8, bias, constants,
      y + (<usize>(row * groups + g) * n << 2), groups * n,
    );
  }
}
