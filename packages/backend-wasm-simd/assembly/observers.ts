// Observers and fake quantization, float in and float out. Rounding is rint: the same as the reference's to the last bit.
import { OBSERVER_BLOCK as BLOCK } from './constants';
import { firstLanes, keepLanes, storeLanes32 } from './lanes';
import { chooseScale } from './qparams';

/**
 * The smallest and the largest of a part of x [outer, channels, inner]; NaN if any is. Units are outer by channels by blocks of
 * BLOCK inner elements → partial [units][2].
 */
export function rangeBlocks(x: usize, partial: usize, inner: i32, begin: i32, end: i32, thread: i32): void {
  const blocks = (inner + BLOCK - 1) / BLOCK;
  const infinity = f32x4.splat(f32.MAX_VALUE * 2);
  for (let unit = begin; unit < end; unit++) {
    const run = unit / blocks;
    const first = (unit - run * blocks) * BLOCK;
    const count = min(BLOCK, inner - first);
    let at = x + ((<usize>run * inner + first) << 2);
    let low0 = infinity, low1 = infinity, high0 = f32x4.neg(infinity), high1 = high0;
    let strange = f32x4.splat(0);
    let i: i32 = 0;
    for (; i + 8 <= count; i += 8, at += 32) {
      const a = v128.load(at), b = v128.load(at, 16);
      // These two ignore NaN, and take one instruction instead of many.
      low0 = f32x4.pmin(low0, a), low1 = f32x4.pmin(low1, b);
      high0 = f32x4.pmax(high0, a), high1 = f32x4.pmax(high1, b);
      strange = v128.or(strange, v128.or(f32x4.ne(a, a), f32x4.ne(b, b)));
    }
    for (; i < count; i += 4, at += 16) {
      const a = v128.load(at);
      low0 = f32x4.pmin(low0, keepLanes(a, count - i, infinity));
      high0 = f32x4.pmax(high0, keepLanes(a, count - i, f32x4.neg(infinity)));
      strange = v128.or(strange, firstLanes(f32x4.ne(a, a), count - i));
    }
    let low = f32x4.pmin(low0, low1);
    let high = f32x4.pmax(high0, high1);
    low = f32x4.pmin(low, v128.shuffle<i32>(low, low, 2, 3, 0, 1));
    high = f32x4.pmax(high, v128.shuffle<i32>(high, high, 2, 3, 0, 1));
    const broken = v128.any_true(strange);
    const smallest = min(f32x4.extract_lane(low, 0), f32x4.extract_lane(low, 1));
    const largest = max(f32x4.extract_lane(high, 0), f32x4.extract_lane(high, 1));
    store<f32>(partial + (<usize>unit << 3), broken ? f32.NaN : smallest);
    store<f32>(partial + (<usize>unit << 3), broken ? f32.NaN : largest, 4);
  }
}

/** Puts the blocks' ranges together and moves minVal, maxVal [channels]. Units are channels. */
export function moveRanges(
  partial: usize, minVal: usize, maxVal: usize, outer: i32, channels: i32, blocks: i32, averaging: bool, constant: f32,
  begin: i32, end: i32, thread: i32,
): void {
  for (let c = begin; c < end; c++) {
    let low: f32 = f32.MAX_VALUE * 2;
    let high: f32 = -low;
    for (let o: i32 = 0; o < outer; o++) {
      for (let b: i32 = 0; b < blocks; b++) {
        const from = partial + (<usize>((o * channels + c) * blocks + b) << 3);
        low = min(low, load<f32>(from));
        high = max(high, load<f32>(from, 4));
      }
    }
    const oldLow = load<f32>(minVal + (<usize>c << 2));
    const oldHigh = load<f32>(maxVal + (<usize>c << 2));
    const infinity: f32 = f32.MAX_VALUE * 2;
    if (!averaging) {
      low = min(low, oldLow);
      high = max(high, oldHigh);
    } else if (oldLow != infinity || oldHigh != -infinity) {
      low = oldLow + constant * (low - oldLow);
      high = oldHigh + constant * (high - oldHigh);
    }
    store<f32>(minVal + (<usize>c << 2), low);
    store<f32>(maxVal + (<usize>c << 2), high);
  }
}

/** minVal, maxVal → scale, zeroPoint [channels]. Units are channels. */
export function chooseQparams(
  minVal: usize, maxVal: usize, scale: usize, zeroPoint: usize, quantMin: i32, quantMax: i32, symmetric: bool,
  begin: i32, end: i32, thread: i32,
): void {
  for (let c = begin; c < end; c++) {
    const at = <usize>c << 2;
    chooseScale(
      load<f32>(minVal + at), load<f32>(maxVal + at), quantMin, quantMax, symmetric, scale + at, zeroPoint + at,
    );
  }
}

// @ts-ignore: decorator
@inline
function zeroOf(zeroPoint: usize, c: i32, whole: bool): f32 {
  const at = zeroPoint + (<usize>c << 2);
  return whole ? <f32>load<i32>(at) : nearest(load<f32>(at));
}

/**
 * y = (clamp(q) - zero) · scale, q = rint(x · f32(1 / scale)) + zero; mask = q within bounds. `whole`: the zero points are
 * integers. Units are outer by channels by blocks of BLOCK inner elements.
 */
export function fakeQuantize(
  x: usize, scale: usize, zeroPoint: usize, y: usize, mask: usize, channels: i32, inner: i32, whole: bool,
  quantMin: f32, quantMax: f32, begin: i32, end: i32, thread: i32,
): void {
  const blocks = (inner + BLOCK - 1) / BLOCK;
  const one = i8x16.splat(1);
  for (let unit = begin; unit < end; unit++) {
    const run = unit / blocks;
    const first = (unit - run * blocks) * BLOCK;
    const count = min(BLOCK, inner - first);
    const c = run % channels;
    const factor = v128.load32_splat(scale + (<usize>c << 2));
    const inverse = f32x4.div(f32x4.splat(1), factor);
    const zero = zeroOf(zeroPoint, c, whole);
    // The zero point moved to the bounds: it would be added only to be subtracted.
    const low = f32x4.splat(quantMin - zero);
    const high = f32x4.splat(quantMax - zero);
    const start = <usize>run * inner + first;
    let from = x + (start << 2);
    let to = y + (start << 2);
    let bits = mask + start;
    let i: i32 = 0;
    for (; i + 16 <= count; i += 16, from += 64, to += 64, bits += 16) {
      const q0 = f32x4.nearest(f32x4.mul(v128.load(from), inverse));
      const q1 = f32x4.nearest(f32x4.mul(v128.load(from, 16), inverse));
      const q2 = f32x4.nearest(f32x4.mul(v128.load(from, 32), inverse));
      const q3 = f32x4.nearest(f32x4.mul(v128.load(from, 48), inverse));
      const c0 = f32x4.pmin(f32x4.pmax(q0, low), high), c1 = f32x4.pmin(f32x4.pmax(q1, low), high);
      const c2 = f32x4.pmin(f32x4.pmax(q2, low), high), c3 = f32x4.pmin(f32x4.pmax(q3, low), high);
      v128.store(to, f32x4.mul(c0, factor)), v128.store(to, f32x4.mul(c1, factor), 16);
      v128.store(to, f32x4.mul(c2, factor), 32), v128.store(to, f32x4.mul(c3, factor), 48);
      const m0 = i16x8.narrow_i32x4_s(f32x4.eq(q0, c0), f32x4.eq(q1, c1));
      const m1 = i16x8.narrow_i32x4_s(f32x4.eq(q2, c2), f32x4.eq(q3, c3));
      v128.store(bits, v128.and(i8x16.narrow_i16x8_s(m0, m1), one));
    }
    for (; i < count; i++, from += 4, to += 4, bits++) {
      const q = f32x4.nearest(f32x4.mul(v128.load32_splat(from), inverse));
      const clamped = f32x4.pmin(f32x4.pmax(q, low), high);
      store<f32>(to, f32x4.extract_lane(f32x4.mul(clamped, factor), 0));
      store<u8>(bits, <u8>(i32x4.extract_lane(f32x4.eq(q, clamped), 0) & 1));
    }
  }
}

/**
 * gradX, and the sums of its part of gradScale and gradZeroPoint → partial [units][2] float64, not yet times gradFactor. Units as
 * in fakeQuantize.
 */
export function learnableFakeQuantizeBackward(
  x: usize, scale: usize, zeroPoint: usize, gradY: usize, gradX: usize, partial: usize, channels: i32, inner: i32,
  quantMin: f32, quantMax: f32, begin: i32, end: i32, thread: i32,
): void {
  const blocks = (inner + BLOCK - 1) / BLOCK;
  for (let unit = begin; unit < end; unit++) {
    const run = unit / blocks;
    const first = (unit - run * blocks) * BLOCK;
    const count = min(BLOCK, inner - first);
    const c = run % channels;
    const s = load<f32>(scale + (<usize>c << 2));
    const inverse: f32 = <f32>1 / s;
    const zero = trunc(min(max(load<f32>(zeroPoint + (<usize>c << 2)) + 0.5, quantMin), quantMax));
    const low = f32x4.splat(quantMin - zero);
    const high = f32x4.splat(quantMax - zero);
    const factor = f32x4.splat(s);
    const inverses = f32x4.splat(inverse);
    const start = (<usize>run * inner + first) << 2;
    let scaleSum = f64x2.splat(0);
    let zeroSum = f64x2.splat(0);
    for (let i: i32 = 0; i < count; i += 4) {
      const at = start + (<usize>i << 2);
      const v = v128.load(x + at);
      const g = firstLanes(v128.load(gradY + at), count - i);
      const q = f32x4.nearest(f32x4.mul(v, inverses));
      const clamped = f32x4.pmin(f32x4.pmax(q, low), high);
      const inside = f32x4.eq(q, clamped);
      storeLanes32(gradX + at, v128.and(g, inside), count - i);
      const rounding = f32x4.mul(f32x4.sub(f32x4.mul(clamped, factor), v), inverses);
      // Lanes past the end may hold a NaN, which a gradient of 0 would not silence.
      const share = firstLanes(f32x4.mul(g, v128.bitselect(rounding, clamped, inside)), count - i);
      const outside = v128.andnot(g, inside);
      scaleSum = f64x2.add(scaleSum, f64x2.promote_low_f32x4(share));
      scaleSum = f64x2.add(scaleSum, f64x2.promote_low_f32x4(v128.shuffle<i32>(share, share, 2, 3, 2, 3)));
      zeroSum = f64x2.add(zeroSum, f64x2.promote_low_f32x4(outside));
      zeroSum = f64x2.add(zeroSum, f64x2.promote_low_f32x4(v128.shuffle<i32>(outside, outside, 2, 3, 2, 3)));
    }
    const to = partial + (<usize>unit << 4);
    store<f64>(to, f64x2.extract_lane(scaleSum, 0) + f64x2.extract_lane(scaleSum, 1));
    store<f64>(to, -(f64x2.extract_lane(zeroSum, 0) + f64x2.extract_lane(zeroSum, 1)) * s, 8);
  }
}

/** gradScale, gradZeroPoint [channels] from the parts. Units are channels. */
export function sumLearnableGradients(
  partial: usize, gradScale: usize, gradZeroPoint: usize, outer: i32, channels: i32, blocks: i32, gradFactor: f64,
  begin: i32, end: i32, thread: i32,
): void {
  for (let c = begin; c < end; c++) {
    let scale: f64 = 0;
    let zero: f64 = 0;
    for (let o: i32 = 0; o < outer; o++) {
      for (let b: i32 = 0; b < blocks; b++) {
        const from = partial + (<usize>((o * channels + c) * blocks + b) << 4);
        scale += load<f64>(from);
        zero += load<f64>(from, 8);
      }
    }
    store<f32>(gradScale + (<usize>c << 2), <f32>(scale * gradFactor));
    store<f32>(gradZeroPoint + (<usize>c << 2), <f32>(zero * gradFactor));
  }
}

/** Less can't be divided by. */
const SMALLEST_FACTOR: f32 = 1.0 / 1073741824.0;

/** factor [channels] = weight / sqrt(variance + eps). Units are channels. */
export function foldingFactors(
  weight: usize, variance: usize, factor: usize, eps: f32, begin: i32, end: i32, thread: i32,
): void {
  for (let c = begin; c < end; c++) {
    const at = <usize>c << 2;
    store<f32>(factor + at, load<f32>(weight + at) / sqrt<f32>(load<f32>(variance + at) + eps));
  }
}

/** y = x · factor, x and y [outer, channels, inner]. Units are outer by channels. */
export function scaleChannels(
  x: usize, y: usize, factor: usize, channels: i32, inner: i32, begin: i32, end: i32, thread: i32,
): void {
  for (let row = begin; row < end; row++) {
    const s = v128.load32_splat(factor + (<usize>(row % channels) << 2));
    const start = (<usize>row * inner) << 2;
    for (let i: i32 = 0; i < inner; i += 4) {
      const at = start + (<usize>i << 2);
      storeLanes32(y + at, f32x4.mul(v128.load(x + at), s), inner - i);
    }
  }
}

/** y /= factor; where that is too small y = x and mask = 0. Units are outer by channels. */
export function unscaleChannels(
  x: usize, y: usize, mask: usize, factor: usize, channels: i32, inner: i32,
  begin: i32, end: i32, thread: i32,
): void {
  for (let row = begin; row < end; row++) {
    const one = load<f32>(factor + (<usize>(row % channels) << 2));
    const first = <usize>row * inner;
    if (abs(one) < SMALLEST_FACTOR) {
      memory.copy(y + (first << 2), x + (first << 2), <usize>inner << 2);
      memory.fill(mask + first, 0, inner);
      continue;
    }
    const s = f32x4.splat(one);
    for (let i: i32 = 0; i < inner; i += 4) {
      const at = (first + i) << 2;
      storeLanes32(y + at, f32x4.div(v128.load(y + at), s), inner - i);
    }
  }
}

/**
 * gradX = mask ? gradY : 0; gradWeight = Σ gradY · ((mask ? x : 0) - y) / weight, 0 where factor is too small. Units are channels.
 */
export function scaledFakeQuantizeBackward(
  x: usize, y: usize, mask: usize, weight: usize, factor: usize, gradY: usize, gradX: usize, gradWeight: usize,
  outer: i32, channels: i32, inner: i32, begin: i32, end: i32, thread: i32,
): void {
  for (let c = begin; c < end; c++) {
    let sum = f64x2.splat(0);
    for (let o: i32 = 0; o < outer; o++) {
      const first = <usize>(o * channels + c) * inner;
      for (let i: i32 = 0; i < inner; i += 4) {
        const at = (first + i) << 2;
        const wide = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(mask + first + i)));
        const inside = i32x4.ne(wide, i32x4.splat(0));
        const g = v128.load(gradY + at);
        storeLanes32(gradX + at, v128.and(g, inside), inner - i);
        const distance = f32x4.sub(v128.and(v128.load(x + at), inside), v128.load(y + at));
        // Lanes past the end may hold a NaN.
        const share = firstLanes(f32x4.mul(g, distance), inner - i);
        sum = f64x2.add(sum, f64x2.promote_low_f32x4(share));
        sum = f64x2.add(sum, f64x2.promote_low_f32x4(v128.shuffle<i32>(share, share, 2, 3, 2, 3)));
      }
    }
    const at = <usize>c << 2;
    const total = (f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1)) / load<f32>(weight + at);
    store<f32>(gradWeight + at, abs(load<f32>(factor + at)) < SMALLEST_FACTOR ? 0 : <f32>total);
  }
}
