// Exponential, logarithm and their relatives for four floats, within about two units in the last place. NaN stays NaN.
//
// Their numbers are in memory, a table for each function: V8 puts those in the code together anew at each use, by four
// instructions instead of one.
import { MAGIC } from './qrequantize';
import { madd } from './tiles';

// @ts-ignore: decorator
@inline
function number(table: usize, index: i32): v128 {
  return v128.load32_splat(table + (<usize>index << 2));
}

/** Bounds; 1 / ln 2, MAGIC, and -ln 2 in two parts; the polynomial; 1. */
const EXP: usize = memory.data<f32>([
  -104, 89, 1.44269504088896341, MAGIC, -0.693359375, 2.12194440e-4,
  1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1,
]);

/** e^x: 2^n · e^r with |r| <= ln 2 / 2, e^r a polynomial (Cephes). */
// @ts-ignore: decorator
@inline
export function exponential(x: v128): v128 {
  const v = f32x4.pmin(f32x4.pmax(x, number(EXP, 0)), number(EXP, 1));
  const magic = number(EXP, 3);
  const rounded = madd(v, number(EXP, 2), magic);
  const n = f32x4.sub(rounded, magic);
  const r = madd(n, number(EXP, 5), madd(n, number(EXP, 4), v));
  let p = madd(number(EXP, 6), r, number(EXP, 7));
  p = madd(p, r, number(EXP, 8));
  p = madd(p, r, number(EXP, 9));
  p = madd(p, r, number(EXP, 10));
  p = madd(p, r, number(EXP, 11));
  const one = number(EXP, 12);
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), one);
  // In two steps: 2^n itself may lie outside of the normal floats.
  const whole = i32x4.sub(rounded, magic);
  const half = i32x4.shr_s(whole, 1);
  p = f32x4.mul(p, i32x4.add(i32x4.shl(half, 23), one));
  return f32x4.mul(p, i32x4.add(i32x4.shl(i32x4.sub(whole, half), 23), one));
}

/** The same by a call, where its code in place would gain little. */
export function exp4(x: v128): v128 {
  return exponential(x);
}

/** The polynomial; ln 2 in two parts. */
const LOG: usize = memory.data<f32>([
  7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1, -2.12194440e-4, 0.693359375,
]);

/** ln x: e · ln 2 + ln m, ln m a polynomial for m from √½ to √2 (Cephes). */
export function log4(x: v128): v128 {
  const one = f32x4.splat(1);
  const small = f32x4.lt(x, f32x4.splat(1.17549435e-38));
  const v = v128.bitselect(f32x4.mul(x, f32x4.splat(8388608)), x, small);
  let e = i32x4.sub(i32x4.sub(i32x4.shr_u(v, 23), i32x4.splat(126)), v128.and(small, i32x4.splat(23)));
  let m = v128.or(v128.and(v, i32x4.splat(0x7fffff)), i32x4.splat(0x3f000000));
  const low = f32x4.lt(m, f32x4.splat(0.70710678));
  e = i32x4.add(e, low);
  m = f32x4.sub(f32x4.add(m, v128.and(m, low)), one);
  const exponent = f32x4.convert_i32x4_s(e);
  const z = f32x4.mul(m, m);
  let p = madd(number(LOG, 0), m, number(LOG, 1));
  p = madd(p, m, number(LOG, 2));
  p = madd(p, m, number(LOG, 3));
  p = madd(p, m, number(LOG, 4));
  p = madd(p, m, number(LOG, 5));
  p = madd(p, m, number(LOG, 6));
  p = madd(p, m, number(LOG, 7));
  p = madd(p, m, number(LOG, 8));
  p = f32x4.mul(f32x4.mul(p, m), z);
  p = madd(exponent, number(LOG, 9), p);
  p = madd(z, f32x4.splat(-0.5), p);
  let y = madd(exponent, number(LOG, 10), f32x4.add(m, p));
  const infinity = f32x4.splat(f32.MAX_VALUE * 2);
  y = v128.bitselect(infinity, y, f32x4.eq(x, infinity));
  y = v128.bitselect(f32x4.neg(infinity), y, f32x4.eq(x, f32x4.splat(0)));
  // All that is not at least 0: negative numbers and NaN.
  return v128.or(y, v128.not(f32x4.ge(x, f32x4.splat(0))));
}

/** 1 / (1 + e^-x) */
export function sigmoid4(x: v128): v128 {
  const one = number(EXP, 12);
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))));
}

/** The polynomial; where it ends; 2. */
const TANH: usize = memory.data<f32>([
  -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1, 0.625, 2,
]);

/** tanh x: a polynomial (Cephes) near 0, else by the exponential. */
export function tanh4(x: v128): v128 {
  const magnitude = f32x4.abs(x);
  const one = number(EXP, 12);
  const e = exp4(f32x4.add(magnitude, magnitude));
  const far = f32x4.sub(one, f32x4.div(number(TANH, 6), f32x4.add(e, one)));
  const z = f32x4.mul(x, x);
  let p = madd(number(TANH, 0), z, number(TANH, 1));
  p = madd(p, z, number(TANH, 2));
  p = madd(p, z, number(TANH, 3));
  p = madd(p, z, number(TANH, 4));
  const near = madd(f32x4.mul(p, z), x, x);
  // The sign of x is where the two differ.
  const signed = v128.or(far, v128.xor(x, magnitude));
  return v128.bitselect(near, signed, f32x4.lt(magnitude, number(TANH, 5)));
}

/** 1 / √2; the reciprocal's number; the polynomial. */
const NORMAL: usize = memory.data<f32>([
  0.70710678118654752, 0.3275911, 1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592,
]);

/** Φ(x), the normal distribution: Abramowitz and Stegun 7.1.26, within 1e-7. */
export function normal4(x: v128): v128 {
  const z = f32x4.mul(f32x4.abs(x), number(NORMAL, 0));
  const one = number(EXP, 12);
  const t = f32x4.div(one, madd(z, number(NORMAL, 1), one));
  let p = madd(t, number(NORMAL, 2), number(NORMAL, 3));
  p = madd(p, t, number(NORMAL, 4));
  p = madd(p, t, number(NORMAL, 5));
  p = madd(p, t, number(NORMAL, 6));
  const tail = f32x4.mul(f32x4.mul(f32x4.mul(p, t), f32x4.splat(0.5)), exp4(f32x4.neg(f32x4.mul(z, z))));
  return v128.bitselect(tail, f32x4.sub(one, tail), f32x4.lt(x, f32x4.splat(0)));
}
