// Float matrix products. The right operand is packed into panels of 8 columns, [panel][k][8]; the left one is read as it
// lies, rows of lda bytes. What is past the last column is never stored, so it may be anything.
import { storeLanes32 } from './lanes';

/** Columns of a panel. */
export const PANEL: i32 = 8;
/** Rows of a unit of work: a multiple of both tiles' rows. */
export const ROWS: i32 = 48;
/** Elements summed before going on to the next panel: 16 KB of a panel stay in the first-level cache. */
const DEPTH: i32 = 512;

// Twelve sums fill the registers where a product and a sum are one instruction; else one more is needed between the two.
/** Rows of a tile. */
export const TILE: i32 = RELAXED ? 6 : 4;

/** a·b + c */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (RELAXED) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
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
 * rows (at most 6) × 8 of y: the bias (or what y holds) and the products of k elements. Rows there are too few of are the
 * last one again: the same numbers written twice.
 */
function tile6(
  a: usize, lda: usize, rows: i32, b: usize, k: i32, bias: usize, first: bool, y: usize, ldy: usize, columns: i32,
): void {
  const y0 = y;
  const y1 = rows > 1 ? y0 + ldy : y0;
  const y2 = rows > 2 ? y1 + ldy : y1;
  const y3 = rows > 3 ? y2 + ldy : y2;
  const y4 = rows > 4 ? y3 + ldy : y3;
  const y5 = rows > 5 ? y4 + ldy : y4;
  let a0 = a;
  let a1 = rows > 1 ? a0 + lda : a0;
  let a2 = rows > 2 ? a1 + lda : a1;
  let a3 = rows > 3 ? a2 + lda : a2;
  let a4 = rows > 4 ? a3 + lda : a3;
  let a5 = rows > 5 ? a4 + lda : a4;
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
  let v: v128, w0: v128, w1: v128;
  for (; k >= 4; k -= 4) {
    w0 = v128.load(b, 0), w1 = v128.load(b, 16);
    v = v128.load32_splat(a0, 0), c00 = madd(v, w0, c00), c01 = madd(v, w1, c01);
    v = v128.load32_splat(a1, 0), c10 = madd(v, w0, c10), c11 = madd(v, w1, c11);
    v = v128.load32_splat(a2, 0), c20 = madd(v, w0, c20), c21 = madd(v, w1, c21);
    v = v128.load32_splat(a3, 0), c30 = madd(v, w0, c30), c31 = madd(v, w1, c31);
    v = v128.load32_splat(a4, 0), c40 = madd(v, w0, c40), c41 = madd(v, w1, c41);
    v = v128.load32_splat(a5, 0), c50 = madd(v, w0, c50), c51 = madd(v, w1, c51);
    w0 = v128.load(b, 32), w1 = v128.load(b, 48);
    v = v128.load32_splat(a0, 4), c00 = madd(v, w0, c00), c01 = madd(v, w1, c01);
    v = v128.load32_splat(a1, 4), c10 = madd(v, w0, c10), c11 = madd(v, w1, c11);
    v = v128.load32_splat(a2, 4), c20 = madd(v, w0, c20), c21 = madd(v, w1, c21);
    v = v128.load32_splat(a3, 4), c30 = madd(v, w0, c30), c31 = madd(v, w1, c31);
    v = v128.load32_splat(a4, 4), c40 = madd(v, w0, c40), c41 = madd(v, w1, c41);
    v = v128.load32_splat(a5, 4), c50 = madd(v, w0, c50), c51 = madd(v, w1, c51);
    w0 = v128.load(b, 64), w1 = v128.load(b, 80);
    v = v128.load32_splat(a0, 8), c00 = madd(v, w0, c00), c01 = madd(v, w1, c01);
    v = v128.load32_splat(a1, 8), c10 = madd(v, w0, c10), c11 = madd(v, w1, c11);
    v = v128.load32_splat(a2, 8), c20 = madd(v, w0, c20), c21 = madd(v, w1, c21);
    v = v128.load32_splat(a3, 8), c30 = madd(v, w0, c30), c31 = madd(v, w1, c31);
    v = v128.load32_splat(a4, 8), c40 = madd(v, w0, c40), c41 = madd(v, w1, c41);
    v = v128.load32_splat(a5, 8), c50 = madd(v, w0, c50), c51 = madd(v, w1, c51);
    w0 = v128.load(b, 96), w1 = v128.load(b, 112);
    v = v128.load32_splat(a0, 12), c00 = madd(v, w0, c00), c01 = madd(v, w1, c01);
    v = v128.load32_splat(a1, 12), c10 = madd(v, w0, c10), c11 = madd(v, w1, c11);
    v = v128.load32_splat(a2, 12), c20 = madd(v, w0, c20), c21 = madd(v, w1, c21);
    v = v128.load32_splat(a3, 12), c30 = madd(v, w0, c30), c31 = madd(v, w1, c31);
    v = v128.load32_splat(a4, 12), c40 = madd(v, w0, c40), c41 = madd(v, w1, c41);
    v = v128.load32_splat(a5, 12), c50 = madd(v, w0, c50), c51 = madd(v, w1, c51);
    b += 128;
    a0 += 16, a1 += 16, a2 += 16, a3 += 16, a4 += 16, a5 += 16;
  }
  for (; k > 0; k--) {
    w0 = v128.load(b, 0), w1 = v128.load(b, 16);
    v = v128.load32_splat(a0, 0), c00 = madd(v, w0, c00), c01 = madd(v, w1, c01);
    v = v128.load32_splat(a1, 0), c10 = madd(v, w0, c10), c11 = madd(v, w1, c11);
    v = v128.load32_splat(a2, 0), c20 = madd(v, w0, c20), c21 = madd(v, w1, c21);
    v = v128.load32_splat(a3, 0), c30 = madd(v, w0, c30), c31 = madd(v, w1, c31);
    v = v128.load32_splat(a4, 0), c40 = madd(v, w0, c40), c41 = madd(v, w1, c41);
    v = v128.load32_splat(a5, 0), c50 = madd(v, w0, c50), c51 = madd(v, w1, c51);
    b += 32;
    a0 += 4, a1 += 4, a2 += 4, a3 += 4, a4 += 4, a5 += 4;
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
 * rows (at most 4) × 8 of y: the bias (or what y holds) and the products of k elements. Rows there are too few of are the
 * last one again: the same numbers written twice.
 */
function tile4(
  a: usize, lda: usize, rows: i32, b: usize, k: i32, bias: usize, first: bool, y: usize, ldy: usize, columns: i32,
): void {
  const y0 = y;
  const y1 = rows > 1 ? y0 + ldy : y0;
  const y2 = rows > 2 ? y1 + ldy : y1;
  const y3 = rows > 3 ? y2 + ldy : y2;
  let a0 = a;
  let a1 = rows > 1 ? a0 + lda : a0;
  let a2 = rows > 2 ? a1 + lda : a1;
  let a3 = rows > 3 ? a2 + lda : a2;
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
  let v: v128, w0: v128, w1: v128;
  for (; k >= 4; k -= 4) {
    w0 = v128.load(b, 0), w1 = v128.load(b, 16);
    v = v128.load32_splat(a0, 0), c00 = madd(v, w0, c00), c01 = madd(v, w1, c01);
    v = v128.load32_splat(a1, 0), c10 = madd(v, w0, c10), c11 = madd(v, w1, c11);
    v = v128.load32_splat(a2, 0), c20 = madd(v, w0, c20), c21 = madd(v, w1, c21);
    v = v128.load32_splat(a3, 0), c30 = madd(v, w0, c30), c31 = madd(v, w1, c31);
    w0 = v128.load(b, 32), w1 = v128.load(b, 48);
    v = v128.load32_splat(a0, 4), c00 = madd(v, w0, c00), c01 = madd(v, w1, c01);
    v = v128.load32_splat(a1, 4), c10 = madd(v, w0, c10), c11 = madd(v, w1, c11);
    v = v128.load32_splat(a2, 4), c20 = madd(v, w0, c20), c21 = madd(v, w1, c21);
    v = v128.load32_splat(a3, 4), c30 = madd(v, w0, c30), c31 = madd(v, w1, c31);
    w0 = v128.load(b, 64), w1 = v128.load(b, 80);
    v = v128.load32_splat(a0, 8), c00 = madd(v, w0, c00), c01 = madd(v, w1, c01);
    v = v128.load32_splat(a1, 8), c10 = madd(v, w0, c10), c11 = madd(v, w1, c11);
    v = v128.load32_splat(a2, 8), c20 = madd(v, w0, c20), c21 = madd(v, w1, c21);
    v = v128.load32_splat(a3, 8), c30 = madd(v, w0, c30), c31 = madd(v, w1, c31);
    w0 = v128.load(b, 96), w1 = v128.load(b, 112);
    v = v128.load32_splat(a0, 12), c00 = madd(v, w0, c00), c01 = madd(v, w1, c01);
    v = v128.load32_splat(a1, 12), c10 = madd(v, w0, c10), c11 = madd(v, w1, c11);
    v = v128.load32_splat(a2, 12), c20 = madd(v, w0, c20), c21 = madd(v, w1, c21);
    v = v128.load32_splat(a3, 12), c30 = madd(v, w0, c30), c31 = madd(v, w1, c31);
    b += 128;
    a0 += 16, a1 += 16, a2 += 16, a3 += 16;
  }
  for (; k > 0; k--) {
    w0 = v128.load(b, 0), w1 = v128.load(b, 16);
    v = v128.load32_splat(a0, 0), c00 = madd(v, w0, c00), c01 = madd(v, w1, c01);
    v = v128.load32_splat(a1, 0), c10 = madd(v, w0, c10), c11 = madd(v, w1, c11);
    v = v128.load32_splat(a2, 0), c20 = madd(v, w0, c20), c21 = madd(v, w1, c21);
    v = v128.load32_splat(a3, 0), c30 = madd(v, w0, c30), c31 = madd(v, w1, c31);
    b += 32;
    a0 += 4, a1 += 4, a2 += 4, a3 += 4;
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

/** y [rows, n] = a [rows, k] · b + bias, b packed; strides in bytes. */
export function multiplyBlock(
  a: usize, lda: usize, rows: i32, b: usize, k: i32, bias: usize, y: usize, ldy: usize, n: i32,
): void {
  for (let k0: i32 = 0; k0 < max(k, 1); k0 += DEPTH) {
    const depth = min(DEPTH, k - k0);
    for (let j: i32 = 0; j < n; j += PANEL) {
      const panel = b + ((<usize>j * k) << 2) + (<usize>k0 << 5);
      const from = bias ? bias + (<usize>j << 2) : 0;
      const to = y + (<usize>j << 2);
      for (let i: i32 = 0; i < rows; i += TILE) {
        const left = a + <usize>i * lda + (<usize>k0 << 2);
        if (RELAXED) tile6(left, lda, rows - i, panel, depth, from, k0 == 0, to + <usize>i * ldy, ldy, n - j);
        else tile4(left, lda, rows - i, panel, depth, from, k0 == 0, to + <usize>i * ldy, ldy, n - j);
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
