// Float matrix products. The right operand is packed into panels of 8 columns, [panel][k][8], once; the left one
// into tiles of rows, [tile][k][TILE], a block at a time. What is past the last column is never stored, so it may be anything.
import { DEPTH, MAX_TILE, PANEL } from './constants';
import { storeLanes32 } from './lanes';

// Twelve sums fill the registers where a product and a sum are one instruction; else one more is needed between the two.
/** Rows of a tile. */
export const TILE: i32 = RELAXED ? MAX_TILE : 4;

/** a·b + c */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (RELAXED) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** What outputs are clamped to, set by boundsOf: each thread has its own. */
let least: f32 = -Infinity;
let most: f32 = Infinity;

/** Whether there is a lower bound, and an upper one: bits of `bounds`. */
const LOWER: i32 = 1;
const UPPER: i32 = 2;

/** Takes the bounds of a call; the result says to its tiles which there are. */
export function boundsOf(low: f32, high: f32): i32 {
  least = low;
  most = high;
  return (low > -Infinity ? LOWER : 0) | (high < Infinity ? UPPER : 0);
}

// @ts-ignore: decorator
@inline
export function hasLower(bounds: i32): bool {
  return (bounds & LOWER) != 0;
}

// @ts-ignore: decorator
@inline
export function hasUpper(bounds: i32): bool {
  return (bounds & UPPER) != 0;
}

/** max(v, the lower bound), where a NaN stays one. */
// @ts-ignore: decorator
@inline
export function atLeast4(v: v128): v128 {
  return f32x4.pmax(v, f32x4.splat(least));
}

/** min(v, the upper bound), where a NaN stays one. */
// @ts-ignore: decorator
@inline
export function atMost4(v: v128): v128 {
  return f32x4.pmin(v, f32x4.splat(most));
}

/** min(max(v, low), high), where a NaN stays one. */
// @ts-ignore: decorator
@inline
export function clamp4(v: v128, low: v128, high: v128): v128 {
  return f32x4.pmin(f32x4.pmax(v, low), high);
}

/** max(v, 0), where a NaN stays one. */
// @ts-ignore: decorator
@inline
export function relu4(v: v128): v128 {
  return f32x4.pmax(v, f32x4.splat(0));
}

// @ts-ignore: decorator
@inline
function zero(): v128 {
  return f32x4.splat(0);
}

// @ts-ignore: decorator
@inline
function storeHalves(y: usize, low: v128, high: v128, columns: i32): void {
  storeLanes32(y, low, columns);
  if (columns > 4) storeLanes32(y + 16, high, columns - 4);
}

/**
 * rows (at most 6) × 8 of y: the bias (or what y holds) and the products of k elements, clamped by `bounds`; a is
 * packed, [k][6]. Rows that there are too few of are the last one again: the same numbers written twice.
 */
function tile6(
  a: usize, rows: i32, b: usize, k: i32, bias: usize, first: bool, bounds: i32, y: usize, ldy: usize, columns: i32,
): void {
  const y0 = y;
  const y1 = rows > 1 ? y0 + ldy : y0;
  const y2 = rows > 2 ? y1 + ldy : y1;
  const y3 = rows > 3 ? y2 + ldy : y2;
  const y4 = rows > 4 ? y3 + ldy : y3;
  const y5 = rows > 5 ? y4 + ldy : y4;
  let c00 = zero(), c01 = zero(), c10 = zero(), c11 = zero(), c20 = zero(), c21 = zero(), c30 = zero(), c31 = zero(), c40 = zero(), c41 = zero(), c50 = zero(), c51 = zero();
  if (!first) {
    c00 = v128.load(y0), c01 = v128.load(y0, 16);
    c10 = v128.load(y1), c11 = v128.load(y1, 16);
    c20 = v128.load(y2), c21 = v128.load(y2, 16);
    c30 = v128.load(y3), c31 = v128.load(y3, 16);
    c40 = v128.load(y4), c41 = v128.load(y4, 16);
    c50 = v128.load(y5), c51 = v128.load(y5, 16);
  } else if (bias) {
    c00 = v128.load(bias), c01 = v128.load(bias, 16);
    c10 = c00, c11 = c01;
    c20 = c00, c21 = c01;
    c30 = c00, c31 = c01;
    c40 = c00, c41 = c01;
    c50 = c00, c51 = c01;
  }
  // Not unrolled: V8 then loads far ahead, and spills.
  for (const end = b + (<usize>k << 5); b < end; b += 32, a += 24) {
    const w0 = v128.load(b), w1 = v128.load(b, 16);
    let v: v128;
    v = v128.load32_splat(a, 0), c00 = madd(v, w0, c00), c01 = madd(v, w1, c01);
    v = v128.load32_splat(a, 4), c10 = madd(v, w0, c10), c11 = madd(v, w1, c11);
    v = v128.load32_splat(a, 8), c20 = madd(v, w0, c20), c21 = madd(v, w1, c21);
    v = v128.load32_splat(a, 12), c30 = madd(v, w0, c30), c31 = madd(v, w1, c31);
    v = v128.load32_splat(a, 16), c40 = madd(v, w0, c40), c41 = madd(v, w1, c41);
    v = v128.load32_splat(a, 20), c50 = madd(v, w0, c50), c51 = madd(v, w1, c51);
  }
  if (hasLower(bounds)) {
    c00 = atLeast4(c00), c01 = atLeast4(c01);
    c10 = atLeast4(c10), c11 = atLeast4(c11);
    c20 = atLeast4(c20), c21 = atLeast4(c21);
    c30 = atLeast4(c30), c31 = atLeast4(c31);
    c40 = atLeast4(c40), c41 = atLeast4(c41);
    c50 = atLeast4(c50), c51 = atLeast4(c51);
  }
  if (hasUpper(bounds)) {
    c00 = atMost4(c00), c01 = atMost4(c01);
    c10 = atMost4(c10), c11 = atMost4(c11);
    c20 = atMost4(c20), c21 = atMost4(c21);
    c30 = atMost4(c30), c31 = atMost4(c31);
    c40 = atMost4(c40), c41 = atMost4(c41);
    c50 = atMost4(c50), c51 = atMost4(c51);
  }
  if (columns >= 8) {
    v128.store(y0, c00), v128.store(y0, c01, 16);
    v128.store(y1, c10), v128.store(y1, c11, 16);
    v128.store(y2, c20), v128.store(y2, c21, 16);
    v128.store(y3, c30), v128.store(y3, c31, 16);
    v128.store(y4, c40), v128.store(y4, c41, 16);
    v128.store(y5, c50), v128.store(y5, c51, 16);
  } else {
    storeHalves(y0, c00, c01, columns);
    storeHalves(y1, c10, c11, columns);
    storeHalves(y2, c20, c21, columns);
    storeHalves(y3, c30, c31, columns);
    storeHalves(y4, c40, c41, columns);
    storeHalves(y5, c50, c51, columns);
  }
}

/**
 * rows (at most 4) × 8 of y: the bias (or what y holds) and the products of k elements, clamped by `bounds`; a is
 * packed, [k][4]. Rows that there are too few of are the last one again: the same numbers written twice.
 */
function tile4(
  a: usize, rows: i32, b: usize, k: i32, bias: usize, first: bool, bounds: i32, y: usize, ldy: usize, columns: i32,
): void {
  const y0 = y;
  const y1 = rows > 1 ? y0 + ldy : y0;
  const y2 = rows > 2 ? y1 + ldy : y1;
  const y3 = rows > 3 ? y2 + ldy : y2;
  let c00 = zero(), c01 = zero(), c10 = zero(), c11 = zero(), c20 = zero(), c21 = zero(), c30 = zero(), c31 = zero();
  if (!first) {
    c00 = v128.load(y0), c01 = v128.load(y0, 16);
    c10 = v128.load(y1), c11 = v128.load(y1, 16);
    c20 = v128.load(y2), c21 = v128.load(y2, 16);
    c30 = v128.load(y3), c31 = v128.load(y3, 16);
  } else if (bias) {
    c00 = v128.load(bias), c01 = v128.load(bias, 16);
    c10 = c00, c11 = c01;
    c20 = c00, c21 = c01;
    c30 = c00, c31 = c01;
  }
  // Not unrolled: V8 then loads far ahead, and spills.
  for (const end = b + (<usize>k << 5); b < end; b += 32, a += 16) {
    const w0 = v128.load(b), w1 = v128.load(b, 16);
    let v: v128;
    v = v128.load32_splat(a, 0), c00 = madd(v, w0, c00), c01 = madd(v, w1, c01);
    v = v128.load32_splat(a, 4), c10 = madd(v, w0, c10), c11 = madd(v, w1, c11);
    v = v128.load32_splat(a, 8), c20 = madd(v, w0, c20), c21 = madd(v, w1, c21);
    v = v128.load32_splat(a, 12), c30 = madd(v, w0, c30), c31 = madd(v, w1, c31);
  }
  if (hasLower(bounds)) {
    c00 = atLeast4(c00), c01 = atLeast4(c01);
    c10 = atLeast4(c10), c11 = atLeast4(c11);
    c20 = atLeast4(c20), c21 = atLeast4(c21);
    c30 = atLeast4(c30), c31 = atLeast4(c31);
  }
  if (hasUpper(bounds)) {
    c00 = atMost4(c00), c01 = atMost4(c01);
    c10 = atMost4(c10), c11 = atMost4(c11);
    c20 = atMost4(c20), c21 = atMost4(c21);
    c30 = atMost4(c30), c31 = atMost4(c31);
  }
  if (columns >= 8) {
    v128.store(y0, c00), v128.store(y0, c01, 16);
    v128.store(y1, c10), v128.store(y1, c11, 16);
    v128.store(y2, c20), v128.store(y2, c21, 16);
    v128.store(y3, c30), v128.store(y3, c31, 16);
  } else {
    storeHalves(y0, c00, c01, columns);
    storeHalves(y1, c10, c11, columns);
    storeHalves(y2, c20, c21, columns);
    storeHalves(y3, c30, c31, columns);
  }
}

/** c [6][8] (rows of ldc bytes) += aᵀ·b over k rows of a and b. */
function outer6(a: usize, lda: usize, b: usize, ldb: usize, k: i32, c: usize, ldc: usize): void {
  let at = c;
  let c00 = v128.load(at), c01 = v128.load(at, 16); at += ldc;
  let c10 = v128.load(at), c11 = v128.load(at, 16); at += ldc;
  let c20 = v128.load(at), c21 = v128.load(at, 16); at += ldc;
  let c30 = v128.load(at), c31 = v128.load(at, 16); at += ldc;
  let c40 = v128.load(at), c41 = v128.load(at, 16); at += ldc;
  let c50 = v128.load(at), c51 = v128.load(at, 16);
  let v: v128;
  for (; k > 0; k--) {
    const w0 = v128.load(b), w1 = v128.load(b, 16);
    v = v128.load32_splat(a, 0), c00 = madd(v, w0, c00), c01 = madd(v, w1, c01);
    v = v128.load32_splat(a, 4), c10 = madd(v, w0, c10), c11 = madd(v, w1, c11);
    v = v128.load32_splat(a, 8), c20 = madd(v, w0, c20), c21 = madd(v, w1, c21);
    v = v128.load32_splat(a, 12), c30 = madd(v, w0, c30), c31 = madd(v, w1, c31);
    v = v128.load32_splat(a, 16), c40 = madd(v, w0, c40), c41 = madd(v, w1, c41);
    v = v128.load32_splat(a, 20), c50 = madd(v, w0, c50), c51 = madd(v, w1, c51);
    a += lda, b += ldb;
  }
  at = c;
  v128.store(at, c00), v128.store(at, c01, 16); at += ldc;
  v128.store(at, c10), v128.store(at, c11, 16); at += ldc;
  v128.store(at, c20), v128.store(at, c21, 16); at += ldc;
  v128.store(at, c30), v128.store(at, c31, 16); at += ldc;
  v128.store(at, c40), v128.store(at, c41, 16); at += ldc;
  v128.store(at, c50), v128.store(at, c51, 16);
}

/** c [4][8] (rows of ldc bytes) += aᵀ·b over k rows of a and b. */
function outer4(a: usize, lda: usize, b: usize, ldb: usize, k: i32, c: usize, ldc: usize): void {
  let at = c;
  let c00 = v128.load(at), c01 = v128.load(at, 16); at += ldc;
  let c10 = v128.load(at), c11 = v128.load(at, 16); at += ldc;
  let c20 = v128.load(at), c21 = v128.load(at, 16); at += ldc;
  let c30 = v128.load(at), c31 = v128.load(at, 16);
  let v: v128;
  for (; k > 0; k--) {
    const w0 = v128.load(b), w1 = v128.load(b, 16);
    v = v128.load32_splat(a, 0), c00 = madd(v, w0, c00), c01 = madd(v, w1, c01);
    v = v128.load32_splat(a, 4), c10 = madd(v, w0, c10), c11 = madd(v, w1, c11);
    v = v128.load32_splat(a, 8), c20 = madd(v, w0, c20), c21 = madd(v, w1, c21);
    v = v128.load32_splat(a, 12), c30 = madd(v, w0, c30), c31 = madd(v, w1, c31);
    a += lda, b += ldb;
  }
  at = c;
  v128.store(at, c00), v128.store(at, c01, 16); at += ldc;
  v128.store(at, c10), v128.store(at, c11, 16); at += ldc;
  v128.store(at, c20), v128.store(at, c21, 16); at += ldc;
  v128.store(at, c30), v128.store(at, c31, 16);
}

/** Rows of k elements → [k][TILE], TILE rows at a time; the last row stands for those that are missing. */
function packRows(a: usize, lda: usize, rows: i32, k: i32, to: usize): void {
  for (let i: i32 = 0; i < rows; i += TILE, a += lda * TILE) {
    const left = rows - i;
    let a0 = a;
    let a1 = left > 1 ? a0 + lda : a0;
    let a2 = left > 2 ? a1 + lda : a1;
    let a3 = left > 3 ? a2 + lda : a2;
    let a4 = left > 4 ? a3 + lda : a3;
    let a5 = left > 5 ? a4 + lda : a4;
    let j = k;
    for (; j >= 4; j -= 4) {
      const r0 = v128.load(a0), r1 = v128.load(a1), r2 = v128.load(a2), r3 = v128.load(a3);
      const low0 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5), high0 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7);
      const low1 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5), high1 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<i64>(low0, low1, 0, 2));
      v128.store(to + 4 * TILE, v128.shuffle<i64>(low0, low1, 1, 3));
      v128.store(to + 8 * TILE, v128.shuffle<i64>(high0, high1, 0, 2));
      v128.store(to + 12 * TILE, v128.shuffle<i64>(high0, high1, 1, 3));
      if (TILE == 6) {
        const r4 = v128.load(a4), r5 = v128.load(a5);
        const low2 = v128.shuffle<i32>(r4, r5, 0, 4, 1, 5), high2 = v128.shuffle<i32>(r4, r5, 2, 6, 3, 7);
        v128.store64_lane(to, low2, 0, 16);
        v128.store64_lane(to + 4 * TILE, low2, 1, 16);
        v128.store64_lane(to + 8 * TILE, high2, 0, 16);
        v128.store64_lane(to + 12 * TILE, high2, 1, 16);
        a4 += 16, a5 += 16;
      }
      a0 += 16, a1 += 16, a2 += 16, a3 += 16, to += 16 * TILE;
    }
    for (; j > 0; j--, to += 4 * TILE) {
      store<f32>(to, load<f32>(a0));
      store<f32>(to, load<f32>(a1), 4);
      store<f32>(to, load<f32>(a2), 8);
      store<f32>(to, load<f32>(a3), 12);
      if (TILE == 6) {
        store<f32>(to, load<f32>(a4), 16);
        store<f32>(to, load<f32>(a5), 20);
        a4 += 4, a5 += 4;
      }
      a0 += 4, a1 += 4, a2 += 4, a3 += 4;
    }
  }
}

/**
 * y [rows, n] = a [rows, k] · b + bias, clamped by `bounds`; b packed, strides in bytes. `room` is for
 * (rows + 5) · min(k, DEPTH) elements.
 */
export function multiplyBlock(
  a: usize, lda: usize, rows: i32, b: usize, k: i32, bias: usize, bounds: i32, y: usize, ldy: usize, n: i32,
  room: usize,
): void {
  for (let k0: i32 = 0; k0 < max(k, 1); k0 += DEPTH) {
    const depth = min(DEPTH, k - k0);
    // Only whole sums are clamped.
    const last = k0 + depth == k ? bounds : 0;
    const tileBytes = <usize>depth * (TILE * 4);
    packRows(a + (<usize>k0 << 2), lda, rows, depth, room);
    for (let j: i32 = 0; j < n; j += PANEL) {
      const panel = b + ((<usize>j * k) << 2) + (<usize>k0 << 5);
      const from = bias ? bias + (<usize>j << 2) : 0;
      let to = y + (<usize>j << 2);
      let left = room;
      for (let i: i32 = 0; i < rows; i += TILE, left += tileBytes, to += ldy * TILE) {
        if (RELAXED) tile6(left, rows - i, panel, depth, from, k0 == 0, last, to, ldy, n - j);
        else tile4(left, rows - i, panel, depth, from, k0 == 0, last, to, ldy, n - j);
      }
    }
  }
}

/** c [TILE][columns] (room for whole panels) += aᵀ·b, a [k][TILE], b [k][columns]; strides in bytes. */
export function addOuterProducts(
  a: usize, lda: usize, b: usize, ldb: usize, columns: i32, k: i32, c: usize, ldc: usize,
): void {
  for (let j: i32 = 0; j < columns; j += PANEL, b += 32, c += 32) {
    if (RELAXED) outer6(a, lda, b, ldb, k, c, ldc);
    else outer4(a, lda, b, ldb, k, c, ldc);
  }
}
