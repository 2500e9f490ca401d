// Float matrix products: packing, and the products of whole matrices. See tiles.ts.
import { DEPTH, PANEL, UNIT_ROWS as ROWS } from './constants';
import { storeLanes32 } from './lanes';
import { boundsOf, clamp4, madd, multiplyBlock } from './tiles';

// @ts-ignore: decorator
@inline
function zero(): v128 {
  return f32x4.splat(0);
}

// @ts-ignore: decorator
@inline
function transposeStore(to: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab0 = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const ab1 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cd0 = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const cd1 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<i64>(ab0, cd0, 0, 2));
  v128.store(to, v128.shuffle<i64>(ab0, cd0, 1, 3), 32);
  v128.store(to, v128.shuffle<i64>(ab1, cd1, 0, 2), 64);
  v128.store(to, v128.shuffle<i64>(ab1, cd1, 1, 3), 96);
}

/** Four rows of k elements → columns of a panel. */
function packFour(a: usize, b: usize, c: usize, d: usize, k: i32, to: usize): void {
  for (; k >= 4; k -= 4) {
    transposeStore(to, v128.load(a), v128.load(b), v128.load(c), v128.load(d));
    a += 16, b += 16, c += 16, d += 16, to += 128;
  }
  for (; k > 0; k--) {
    store<f32>(to, load<f32>(a));
    store<f32>(to, load<f32>(b), 4);
    store<f32>(to, load<f32>(c), 8);
    store<f32>(to, load<f32>(d), 12);
    a += 4, b += 4, c += 4, d += 4, to += 32;
  }
}

/**
 * Packs matrices of n columns and taps · k rows: element (tap, k, column) of matrix g lies at g·matrixStep + tap·tapStep +
 * k·kStep + column·columnStep (in elements), where kStep or columnStep is 1. Units are panels.
 */
export function packPanels(
  b: usize, packed: usize, matrixStep: i32, n: i32, columnStep: i32, k: i32, kStep: i32, taps: i32, tapStep: i32,
  begin: i32, end: i32, thread: i32,
): void {
  const panels = (n + PANEL - 1) / PANEL;
  for (let unit = begin; unit < end; unit++) {
    const matrix = unit / panels;
    const column = (unit - matrix * panels) * PANEL;
    let to = packed + ((<usize>unit * k * taps) << 5);
    for (let tap: i32 = 0; tap < taps; tap++, to += <usize>k << 5) {
      const from = b + ((<usize>matrix * matrixStep + <usize>tap * tapStep + <usize>column * columnStep) << 2);
      if (columnStep == 1) {
        const step = <usize>kStep << 2;
        let at = from;
        for (let i: i32 = 0; i < k; i++, at += step) {
          v128.store(to + (<usize>i << 5), v128.load(at));
          v128.store(to + (<usize>i << 5), v128.load(at, 16), 16);
        }
      } else {
        const step = <usize>columnStep << 2;
        const last = n - 1 - column;
        packFour(
          from, from + <usize>min(1, last) * step, from + <usize>min(2, last) * step, from + <usize>min(3, last) * step,
          k, to,
        );
        packFour(
          from + <usize>min(4, last) * step, from + <usize>min(5, last) * step, from + <usize>min(6, last) * step,
          from + <usize>min(7, last) * step, k, to + 16,
        );
      }
    }
  }
}

/**
 * y [batch, m, n] = a · b + bias, clamped from low to high. a [m, k] rows of k elements, or [k, m] if transposed; scratch is
 * what multiplyBlock needs for ROWS rows, and for `transposed` ROWS · k elements more, for each thread. aStep and bStep:
 * bytes from one matrix to the next, or 0. Units are blocks of ROWS rows by groups of `span` panels.
 */
export function multiply(
  a: usize, aStep: i32, transposed: bool, packed: usize, bStep: i32, bias: usize, low: f32, high: f32, y: usize, m: i32,
  n: i32, k: i32, span: i32, scratch: usize, scratchStep: i32, begin: i32, end: i32, thread: i32,
): void {
  const bounds = boundsOf(low, high);
  const blocks = (m + ROWS - 1) / ROWS;
  const spans = ((n + PANEL - 1) / PANEL + span - 1) / span;
  const room = scratch + <usize>thread * scratchStep;
  for (let unit = begin; unit < end; unit++) {
    const block = unit / spans;
    const matrix = block / blocks;
    const row = (block - matrix * blocks) * ROWS;
    const rows = min(ROWS, m - row);
    const column = (unit - block * spans) * span * PANEL;
    let left = a + <usize>matrix * aStep;
    if (transposed) {
      left = room + ROWS * min(k, DEPTH) * 4;
      transposeRows(a + <usize>matrix * aStep + (<usize>row << 2), m, rows, k, left);
    } else left += (<usize>row * k) << 2;
    multiplyBlock(
      left, <usize>k << 2, rows, packed + <usize>matrix * bStep + ((<usize>column * k) << 2), k,
      bias ? bias + (<usize>column << 2) : 0, bounds,
      y + (((<usize>matrix * m + row) * n + column) << 2), <usize>n << 2, min(span * PANEL, n - column), room,
    );
  }
}

/** to [rows, k] = the transpose of a [k, m]'s first `rows` columns. */
function transposeRows(a: usize, m: i32, rows: i32, k: i32, to: usize): void {
  for (let i: i32 = 0; i < k; i++) {
    let at = a + ((<usize>i * m) << 2);
    let into = to + (<usize>i << 2);
    for (let r: i32 = 0; r < rows; r++, at += 4, into += <usize>k << 2) store<f32>(into, load<f32>(at));
  }
}

/** y [m, n] = x [m, k] · weightᵀ + bias, clamped, weight [n, k] as it is: for so few rows that packing doesn't pay. Units are 4 outputs. */
export function dotRows(
  x: usize, weight: usize, bias: usize, low: f32, high: f32, y: usize, m: i32, n: i32, k: i32, begin: i32, end: i32,
  thread: i32,
): void {
  const step = <usize>k << 2;
  const lows = f32x4.splat(low), highs = f32x4.splat(high);
  for (let unit = begin; unit < end; unit++) {
    const column = unit * 4;
    const last = n - 1 - column;
    const w0 = weight + <usize>column * step;
    const w1 = w0 + <usize>min(1, last) * step;
    const w2 = w0 + <usize>min(2, last) * step;
    const w3 = w0 + <usize>min(3, last) * step;
    for (let row: i32 = 0; row < m; row++) {
      const from = x + <usize>row * step;
      let s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero();
      let i: usize = 0;
      for (; i + 16 <= step; i += 16) {
        const v = v128.load(from + i);
        s0 = madd(v, v128.load(w0 + i), s0);
        s1 = madd(v, v128.load(w1 + i), s1);
        s2 = madd(v, v128.load(w2 + i), s2);
        s3 = madd(v, v128.load(w3 + i), s3);
      }
      const s01 = f32x4.add(v128.shuffle<i32>(s0, s1, 0, 4, 1, 5), v128.shuffle<i32>(s0, s1, 2, 6, 3, 7));
      const s23 = f32x4.add(v128.shuffle<i32>(s2, s3, 0, 4, 1, 5), v128.shuffle<i32>(s2, s3, 2, 6, 3, 7));
      let sum = f32x4.add(v128.shuffle<i64>(s01, s23, 0, 2), v128.shuffle<i64>(s01, s23, 1, 3));
      for (; i < step; i += 4) {
        let w = v128.load32_zero(w0 + i);
        w = v128.load32_lane(w1 + i, w, 1);
        w = v128.load32_lane(w2 + i, w, 2);
        w = v128.load32_lane(w3 + i, w, 3);
        sum = madd(v128.load32_splat(from + i), w, sum);
      }
      if (bias) sum = f32x4.add(sum, v128.load(bias + (<usize>column << 2)));
      storeLanes32(y + ((<usize>row * n + column) << 2), clamp4(sum, lows, highs), last + 1);
    }
  }
}
