// Reductions along the middle axis of [outer, n, inner] that look at their elements more than once. Two forms of each: rows
// (inner is 1), four elements of a row at a time; and strips, four columns at a time. Units are rows, or strips:
// outer by ceil(inner / 4).
import { keepLanes, storeLanes32 } from './lanes';
import { exp4, exponential, log4 } from './transcendental';

// @ts-ignore: decorator
@inline
function sumLanes(v: v128): v128 {
  const pairs = f32x4.add(v, v128.shuffle<i32>(v, v, 1, 0, 3, 2));
  return f32x4.add(pairs, v128.shuffle<i32>(pairs, pairs, 2, 3, 0, 1));
}

// @ts-ignore: decorator
@inline
function maxLanes(v: v128): v128 {
  const pairs = f32x4.max(v, v128.shuffle<i32>(v, v, 1, 0, 3, 2));
  return f32x4.max(pairs, v128.shuffle<i32>(pairs, pairs, 2, 3, 0, 1));
}

/** Index of a unit's first element. */
// @ts-ignore: decorator
@inline
function startOf(rows: bool, unit: i32, n: i32, inner: i32, strips: i32): usize {
  if (rows) return <usize>unit * n;
  const outer = unit / strips;
  return <usize>outer * n * inner + (unit - outer * strips) * 4;
}

/** Where a strip's columns are in [outer, inner]. */
// @ts-ignore: decorator
@inline
function columnsOf(unit: i32, inner: i32, strips: i32): usize {
  const outer = unit / strips;
  return <usize>outer * inner + (unit - outer * strips) * 4;
}

/** Lanes that count in every step of a strip. */
// @ts-ignore: decorator
@inline
function lanesOf(rows: bool, unit: i32, inner: i32, strips: i32): i32 {
  return rows ? 4 : inner - (unit % strips) * 4;
}

// @ts-ignore: decorator
@inline
function maximum(rows: bool, x: usize, n: i32, step: usize): v128 {
  const lowest = f32x4.splat(-f32.MAX_VALUE * 2);
  let best = lowest;
  for (let i: i32 = 0; i < n; i += rows ? 4 : 1, x += step) {
    const v = v128.load(x);
    best = f32x4.max(best, rows ? keepLanes(v, n - i, lowest) : v);
  }
  return rows ? maxLanes(best) : best;
}

// @ts-ignore: decorator
@inline
function softmaxUnits(rows: bool, logarithm: bool, x: usize, y: usize, n: i32, inner: i32, begin: i32, end: i32): void {
  const strips = (inner + 3) / 4;
  const step = rows ? <usize>16 : <usize>inner << 2;
  const stride = rows ? 4 : 1;
  const zero = f32x4.splat(0);
  for (let unit = begin; unit < end; unit++) {
    const start = startOf(rows, unit, n, inner, strips) << 2;
    const lanes = lanesOf(rows, unit, inner, strips);
    const max = maximum(rows, x + start, n, step);
    let total = zero;
    let from = x + start;
    let to = y + start;
    for (let i: i32 = 0; i < n; i += stride, from += step, to += step) {
      const e = exp4(f32x4.sub(v128.load(from), max));
      if (!logarithm) storeLanes32(to, e, rows ? n - i : lanes);
      total = f32x4.add(total, rows ? keepLanes(e, n - i, zero) : e);
    }
    if (rows) total = sumLanes(total);
    from = x + start;
    to = y + start;
    if (logarithm) {
      const shift = log4(total);
      for (let i: i32 = 0; i < n; i += stride, from += step, to += step) {
        storeLanes32(to, f32x4.sub(f32x4.sub(v128.load(from), max), shift), rows ? n - i : lanes);
      }
    } else {
      for (let i: i32 = 0; i < n; i += stride, to += step) {
        storeLanes32(to, f32x4.div(v128.load(to), total), rows ? n - i : lanes);
      }
    }
  }
}

/** Rows whose length is a multiple of 4, without a thought of their ends: most are. */
function softmaxRows(x: usize, y: usize, n: i32, begin: i32, end: i32): void {
  const row = <usize>n << 2;
  let from = x + <usize>begin * row;
  let to = y + <usize>begin * row;
  for (let unit = begin; unit < end; unit++, from += row, to += row) {
    // A NaN that this passes over makes the sum one.
    let max = v128.load(from);
    for (let i: usize = 16; i < row; i += 16) max = f32x4.pmax(max, v128.load(from + i));
    max = maxLanes(max);
    let total = f32x4.splat(0);
    for (let i: usize = 0; i < row; i += 16) {
      const e = exponential(f32x4.sub(v128.load(from + i), max));
      v128.store(to + i, e);
      total = f32x4.add(total, e);
    }
    const inverse = f32x4.div(f32x4.splat(1), sumLanes(total));
    for (let i: usize = 0; i < row; i += 16) v128.store(to + i, f32x4.mul(v128.load(to + i), inverse));
  }
}

/** y = e^(x - max) / Σ e^(x - max) */
export function softmax(x: usize, y: usize, n: i32, inner: i32, begin: i32, end: i32, thread: i32): void {
  if (inner == 1 && n > 0 && (n & 3) == 0) softmaxRows(x, y, n, begin, end);
  else if (inner == 1) softmaxUnits(true, false, x, y, n, 1, begin, end);
  else softmaxUnits(false, false, x, y, n, inner, begin, end);
}

/** y = x - max - ln Σ e^(x - max) */
export function logSoftmax(x: usize, y: usize, n: i32, inner: i32, begin: i32, end: i32, thread: i32): void {
  if (inner == 1) softmaxUnits(true, true, x, y, n, 1, begin, end);
  else softmaxUnits(false, true, x, y, n, inner, begin, end);
}

// @ts-ignore: decorator
@inline
function softmaxBackwardUnits(
  rows: bool, logarithm: bool, y: usize, gradY: usize, gradX: usize, n: i32, inner: i32, begin: i32, end: i32,
): void {
  const strips = (inner + 3) / 4;
  const step = rows ? <usize>16 : <usize>inner << 2;
  const stride = rows ? 4 : 1;
  const zero = f32x4.splat(0);
  for (let unit = begin; unit < end; unit++) {
    const start = startOf(rows, unit, n, inner, strips) << 2;
    const lanes = lanesOf(rows, unit, inner, strips);
    // In doubles: what is left of gradY after the subtraction may be small.
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    let at = start;
    for (let i: i32 = 0; i < n; i += stride, at += step) {
      const g = v128.load(gradY + at);
      let term = logarithm ? g : f32x4.mul(g, v128.load(y + at));
      if (rows) term = keepLanes(term, n - i, zero);
      low = f64x2.add(low, f64x2.promote_low_f32x4(term));
      high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i32>(term, term, 2, 3, 2, 3)));
    }
    if (rows) {
      low = f64x2.add(low, high);
      low = f64x2.add(low, v128.shuffle<i64>(low, low, 1, 0));
      high = low;
    }
    const total = v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
    at = start;
    for (let i: i32 = 0; i < n; i += stride, at += step) {
      const g = v128.load(gradY + at);
      const v = v128.load(y + at);
      const result = logarithm ? f32x4.sub(g, f32x4.mul(exp4(v), total)) : f32x4.mul(v, f32x4.sub(g, total));
      storeLanes32(gradX + at, result, rows ? n - i : lanes);
    }
  }
}

/** gradX = y · (gradY - Σ gradY · y) */
export function softmaxBackward(
  y: usize, gradY: usize, gradX: usize, n: i32, inner: i32, begin: i32, end: i32, thread: i32,
): void {
  if (inner == 1) softmaxBackwardUnits(true, false, y, gradY, gradX, n, 1, begin, end);
  else softmaxBackwardUnits(false, false, y, gradY, gradX, n, inner, begin, end);
}

/** gradX = gradY - e^y · Σ gradY */
export function logSoftmaxBackward(
  y: usize, gradY: usize, gradX: usize, n: i32, inner: i32, begin: i32, end: i32, thread: i32,
): void {
  if (inner == 1) softmaxBackwardUnits(true, true, y, gradY, gradX, n, 1, begin, end);
  else softmaxBackwardUnits(false, true, y, gradY, gradX, n, inner, begin, end);
}

/** y [outer, inner] = the maximum; NaN if any is. */
export function amax(x: usize, y: usize, n: i32, inner: i32, begin: i32, end: i32, thread: i32): void {
  const strips = (inner + 3) / 4;
  for (let unit = begin; unit < end; unit++) {
    if (inner == 1) {
      const best = maximum(true, x + (<usize>unit * n << 2), n, 16);
      store<f32>(y + (<usize>unit << 2), f32x4.extract_lane(best, 0));
    } else {
      const best = maximum(false, x + (startOf(false, unit, n, inner, strips) << 2), n, <usize>inner << 2);
      storeLanes32(y + (columnsOf(unit, inner, strips) << 2), best, lanesOf(false, unit, inner, strips));
    }
  }
}

/** gradX = gradY shared evenly among the elements equal to y. Units are columns: outer by inner. */
export function amaxBackward(
  x: usize, y: usize, gradY: usize, gradX: usize, n: i32, inner: i32, begin: i32, end: i32, thread: i32,
): void {
  for (let unit = begin; unit < end; unit++) {
    const outer = unit / inner;
    const start = (<usize>outer * n * inner + (unit - outer * inner)) << 2;
    const step = <usize>inner << 2;
    const best = load<f32>(y + (<usize>unit << 2));
    let equals: i32 = 0;
    let at = start;
    for (let i: i32 = 0; i < n; i++, at += step) equals += i32(load<f32>(x + at) == best);
    const share = load<f32>(gradY + (<usize>unit << 2)) / <f32>equals;
    at = start;
    for (let i: i32 = 0; i < n; i++, at += step) store<f32>(gradX + at, load<f32>(x + at) == best ? share : 0);
  }
}

/** y = index of the maximum, the first of equals or the first NaN. Units are columns: outer by inner. */
export function argmax(x: usize, y: usize, n: i32, inner: i32, begin: i32, end: i32, thread: i32): void {
  for (let unit = begin; unit < end; unit++) {
    const outer = unit / inner;
    let at = x + ((<usize>outer * n * inner + (unit - outer * inner)) << 2);
    const step = <usize>inner << 2;
    let best = load<f32>(at);
    let index: i32 = 0;
    for (let i: i32 = 1; i < n && best == best; i++) {
      at += step;
      const v = load<f32>(at);
      if (v > best || v != v) {
        best = v;
        index = i;
      }
    }
    store<i32>(y + (<usize>unit << 2), index);
  }
}

/** mean, and y = Σ (x - mean)² / (n - correction), in doubles. Units are columns: outer by inner. */
export function variance(
  x: usize, y: usize, mean: usize, n: i32, inner: i32, correction: f64, begin: i32, end: i32, thread: i32,
): void {
  const divisor = max<f64>(0, <f64>n - correction);
  for (let unit = begin; unit < end; unit++) {
    const outer = unit / inner;
    const start = x + ((<usize>outer * n * inner + (unit - outer * inner)) << 2);
    const step = <usize>inner << 2;
    // Four sums at a time, which don't wait for one another.
    let s0: f64 = 0, s1: f64 = 0, s2: f64 = 0, s3: f64 = 0;
    let at = start;
    let i: i32 = 0;
    for (; i + 4 <= n; i += 4, at += step * 4) {
      s0 += load<f32>(at), s1 += load<f32>(at + step), s2 += load<f32>(at + step * 2), s3 += load<f32>(at + step * 3);
    }
    for (; i < n; i++, at += step) s0 += load<f32>(at);
    const average = (s0 + s1 + (s2 + s3)) / n;
    s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    at = start;
    for (i = 0; i + 4 <= n; i += 4, at += step * 4) {
      const d0 = load<f32>(at) - average, d1 = load<f32>(at + step) - average;
      const d2 = load<f32>(at + step * 2) - average, d3 = load<f32>(at + step * 3) - average;
      s0 += d0 * d0, s1 += d1 * d1, s2 += d2 * d2, s3 += d3 * d3;
    }
    for (; i < n; i++, at += step) {
      const d = load<f32>(at) - average;
      s0 += d * d;
    }
    store<f32>(mean + (<usize>unit << 2), <f32>average);
    store<f32>(y + (<usize>unit << 2), <f32>((s0 + s1 + (s2 + s3)) / divisor));
  }
}
