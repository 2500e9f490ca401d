// Elementwise float kernels. A unit of work is a block of BLOCK elements: always the same ones, whoever computes it.
import { ELEMENTWISE_BLOCK as BLOCK } from './constants';
import { storeLanes32 } from './lanes';
import { clamp4, madd, relu4 } from './tiles';
import { exp4, log4, normal4, sigmoid4, tanh4 } from './transcendental';

const ADD: i32 = 0;
const SUB: i32 = 1;
const MUL: i32 = 2;
const DIV: i32 = 3;
const MAXIMUM: i32 = 4;
const MINIMUM: i32 = 5;

// @ts-ignore: decorator
@inline
function binaryOp(op: i32, a: v128, b: v128): v128 {
  if (op == ADD) return f32x4.add(a, b);
  if (op == SUB) return f32x4.sub(a, b);
  if (op == MUL) return f32x4.mul(a, b);
  if (op == MAXIMUM) return f32x4.max(a, b);
  if (op == MINIMUM) return f32x4.min(a, b);
  return f32x4.div(a, b);
}

/**
 * y[n] = a ∘ b, clamped from low to high if `clamps`; aStep and bStep are 4, or 0 for an operand of one element that stands for
 * all.
 */
// @ts-ignore: decorator
@inline
function binary(
  op: i32, clamps: bool, a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, low: f32, high: f32, begin: i32,
  end: i32,
): void {
  const last = min(n, end * BLOCK);
  const lows = f32x4.splat(low);
  const highs = f32x4.splat(high);
  const a0 = v128.load32_splat(a);
  const b0 = v128.load32_splat(b);
  for (let i = begin * BLOCK; i < last; i += 4) {
    const at = (<usize>i) << 2;
    const left = aStep ? v128.load(a + at) : a0;
    const right = bStep ? v128.load(b + at) : b0;
    let result = binaryOp(op, left, right);
    if (clamps) result = clamp4(result, lows, highs);
    storeLanes32(y + at, result, last - i);
  }
}

export function add(a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, begin: i32, end: i32, thread: i32): void {
  binary(ADD, false, a, aStep, b, bStep, y, n, 0, 0, begin, end);
}

export function sub(a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, begin: i32, end: i32, thread: i32): void {
  binary(SUB, false, a, aStep, b, bStep, y, n, 0, 0, begin, end);
}

export function mul(a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, begin: i32, end: i32, thread: i32): void {
  binary(MUL, false, a, aStep, b, bStep, y, n, 0, 0, begin, end);
}

export function div(a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, begin: i32, end: i32, thread: i32): void {
  binary(DIV, false, a, aStep, b, bStep, y, n, 0, 0, begin, end);
}

export function maximum(
  a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, begin: i32, end: i32, thread: i32,
): void {
  binary(MAXIMUM, false, a, aStep, b, bStep, y, n, 0, 0, begin, end);
}

export function minimum(
  a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, begin: i32, end: i32, thread: i32,
): void {
  binary(MINIMUM, false, a, aStep, b, bStep, y, n, 0, 0, begin, end);
}

/** The same, clamped from low to high. */
export function addClamped(
  a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, low: f32, high: f32, begin: i32, end: i32, thread: i32,
): void {
  binary(ADD, true, a, aStep, b, bStep, y, n, low, high, begin, end);
}

/** The same, clamped from low to high. */
export function mulClamped(
  a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, low: f32, high: f32, begin: i32, end: i32, thread: i32,
): void {
  binary(MUL, true, a, aStep, b, bStep, y, n, low, high, begin, end);
}

// The functions of one argument; p and q are what else they depend on.
const AFFINE: i32 = 0;
const EXP: i32 = 1;
const LOG: i32 = 2;
const SQRT: i32 = 3;
const ABS: i32 = 4;
const SIGN: i32 = 5;
const RELU: i32 = 6;
const HARDSWISH: i32 = 7;
const HARDSIGMOID: i32 = 8;
const LEAKY_RELU: i32 = 9;
const GELU: i32 = 10;
const SIGMOID: i32 = 11;
const TANH: i32 = 12;
const CLAMP: i32 = 13;
const FLOOR: i32 = 14;
const CEIL: i32 = 15;
const TRUNC: i32 = 16;
const ROUND: i32 = 17;

// @ts-ignore: decorator
@inline
function hardGate(v: v128): v128 {
  const gate = clamp4(f32x4.add(v, f32x4.splat(3)), f32x4.splat(0), f32x4.splat(6));
  return f32x4.mul(gate, f32x4.splat(1.0 / 6.0));
}

// @ts-ignore: decorator
@inline
function unaryOp(op: i32, v: v128, p: v128, q: v128): v128 {
  const zero = f32x4.splat(0);
  if (op == AFFINE) return madd(v, p, q);
  if (op == EXP) return exp4(v);
  if (op == LOG) return log4(v);
  if (op == SQRT) return f32x4.sqrt(v);
  if (op == ABS) return f32x4.abs(v);
  if (op == SIGN) {
    const one = f32x4.splat(1);
    const sign = v128.or(v128.and(f32x4.gt(v, zero), one), v128.and(f32x4.lt(v, zero), f32x4.neg(one)));
    return v128.bitselect(v, sign, f32x4.ne(v, v));
  }
  if (op == RELU) return relu4(v);
  if (op == HARDSWISH) return f32x4.mul(v, hardGate(v));
  if (op == HARDSIGMOID) return hardGate(v);
  if (op == LEAKY_RELU) return v128.bitselect(v, f32x4.mul(v, p), f32x4.gt(v, zero));
  if (op == GELU) return f32x4.mul(v, normal4(v));
  if (op == SIGMOID) return sigmoid4(v);
  if (op == TANH) return tanh4(v);
  if (op == FLOOR) return f32x4.floor(v);
  if (op == CEIL) return f32x4.ceil(v);
  if (op == TRUNC) return f32x4.trunc(v);
  if (op == ROUND) return f32x4.nearest(v);
  return clamp4(v, p, q);
}

// @ts-ignore: decorator
@inline
function unary(op: i32, x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32): void {
  const last = min(n, end * BLOCK);
  const ps = f32x4.splat(p);
  const qs = f32x4.splat(q);
  for (let i = begin * BLOCK; i < last; i += 4) {
    const at = (<usize>i) << 2;
    storeLanes32(y + at, unaryOp(op, v128.load(x + at), ps, qs), last - i);
  }
}

/** y[n] = x · p + q */
export function affine(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(AFFINE, x, y, n, p, q, begin, end);
}

/** y[n] = e^x */
export function exp(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(EXP, x, y, n, p, q, begin, end);
}

/** y[n] = ln x */
export function log(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(LOG, x, y, n, p, q, begin, end);
}

/** y[n] = √x */
export function sqrt(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(SQRT, x, y, n, p, q, begin, end);
}

/** y[n] = |x| */
export function abs(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(ABS, x, y, n, p, q, begin, end);
}

/** y[n] = -1, 0 or 1; a NaN stays one */
export function sign(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(SIGN, x, y, n, p, q, begin, end);
}

/** y[n] = max(x, 0); a NaN stays one */
export function relu(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(RELU, x, y, n, p, q, begin, end);
}

/** y[n] = x · clamp(x + 3, 0, 6) / 6 */
export function hardswish(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(HARDSWISH, x, y, n, p, q, begin, end);
}

/** y[n] = clamp(x + 3, 0, 6) / 6 */
export function hardsigmoid(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(HARDSIGMOID, x, y, n, p, q, begin, end);
}

/** y[n] = x > 0 ? x : p · x */
export function leakyRelu(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(LEAKY_RELU, x, y, n, p, q, begin, end);
}

/** y[n] = x · Φ(x) */
export function gelu(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(GELU, x, y, n, p, q, begin, end);
}

export function sigmoid(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(SIGMOID, x, y, n, p, q, begin, end);
}

export function tanh(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(TANH, x, y, n, p, q, begin, end);
}

/** y[n] = min(max(x, p), q) */
export function clamp(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(CLAMP, x, y, n, p, q, begin, end);
}

export function floor(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(FLOOR, x, y, n, p, q, begin, end);
}

export function ceil(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(CEIL, x, y, n, p, q, begin, end);
}

export function trunc(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(TRUNC, x, y, n, p, q, begin, end);
}

/** Ties to even. */
export function round(x: usize, y: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32): void {
  unary(ROUND, x, y, n, p, q, begin, end);
}

// Their gradients: x (of sigmoid and tanh: y) and gradY → gradX.
const RELU_BACKWARD: i32 = 0;
const CLAMP_OPEN_BACKWARD: i32 = 1;
const CLAMP_BACKWARD: i32 = 2;
const HARDSWISH_BACKWARD: i32 = 3;
const HARDSIGMOID_BACKWARD: i32 = 4;
const LEAKY_RELU_BACKWARD: i32 = 5;
const GELU_BACKWARD: i32 = 6;
const SIGMOID_BACKWARD: i32 = 7;
const TANH_BACKWARD: i32 = 8;

// @ts-ignore: decorator
@inline
function backwardOp(op: i32, v: v128, g: v128, p: v128, q: v128): v128 {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  if (op == RELU_BACKWARD) return v128.and(g, f32x4.gt(v, zero));
  if (op == CLAMP_OPEN_BACKWARD) return v128.and(g, v128.and(f32x4.gt(v, p), f32x4.lt(v, q)));
  if (op == CLAMP_BACKWARD) return v128.and(g, v128.and(f32x4.ge(v, p), f32x4.le(v, q)));
  if (op == HARDSWISH_BACKWARD) {
    const slope = madd(v, f32x4.splat(1.0 / 3.0), f32x4.splat(0.5));
    const inner = v128.bitselect(f32x4.mul(g, slope), g, f32x4.lt(v, f32x4.splat(3)));
    return v128.andnot(inner, f32x4.lt(v, f32x4.splat(-3)));
  }
  if (op == HARDSIGMOID_BACKWARD) {
    const inside = v128.and(f32x4.gt(v, f32x4.splat(-3)), f32x4.lt(v, f32x4.splat(3)));
    return v128.and(f32x4.mul(g, f32x4.splat(1.0 / 6.0)), inside);
  }
  if (op == LEAKY_RELU_BACKWARD) return v128.bitselect(g, f32x4.mul(g, p), f32x4.gt(v, zero));
  if (op == GELU_BACKWARD) {
    const bell = exp4(f32x4.mul(f32x4.mul(v, v), f32x4.splat(-0.5)));
    return f32x4.mul(g, madd(f32x4.mul(v, f32x4.splat(0.3989422804014327)), bell, normal4(v)));
  }
  if (op == SIGMOID_BACKWARD) return f32x4.mul(f32x4.mul(g, v), f32x4.sub(one, v));
  return f32x4.mul(g, f32x4.sub(one, f32x4.mul(v, v)));
}

// @ts-ignore: decorator
@inline
function backward(op: i32, x: usize, gradY: usize, gradX: usize, n: i32, p: f32, q: f32, begin: i32, end: i32): void {
  const last = min(n, end * BLOCK);
  const ps = f32x4.splat(p);
  const qs = f32x4.splat(q);
  for (let i = begin * BLOCK; i < last; i += 4) {
    const at = (<usize>i) << 2;
    storeLanes32(gradX + at, backwardOp(op, v128.load(x + at), v128.load(gradY + at), ps, qs), last - i);
  }
}

export function reluBackward(
  x: usize, gradY: usize, gradX: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32,
): void {
  backward(RELU_BACKWARD, x, gradY, gradX, n, p, q, begin, end);
}

/** gradX = p < x < q ? gradY : 0 */
export function clampOpenBackward(
  x: usize, gradY: usize, gradX: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32,
): void {
  backward(CLAMP_OPEN_BACKWARD, x, gradY, gradX, n, p, q, begin, end);
}

/** gradX = p <= x <= q ? gradY : 0 */
export function clampBackward(
  x: usize, gradY: usize, gradX: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32,
): void {
  backward(CLAMP_BACKWARD, x, gradY, gradX, n, p, q, begin, end);
}

export function hardswishBackward(
  x: usize, gradY: usize, gradX: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32,
): void {
  backward(HARDSWISH_BACKWARD, x, gradY, gradX, n, p, q, begin, end);
}

export function hardsigmoidBackward(
  x: usize, gradY: usize, gradX: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32,
): void {
  backward(HARDSIGMOID_BACKWARD, x, gradY, gradX, n, p, q, begin, end);
}

export function leakyReluBackward(
  x: usize, gradY: usize, gradX: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32,
): void {
  backward(LEAKY_RELU_BACKWARD, x, gradY, gradX, n, p, q, begin, end);
}

export function geluBackward(
  x: usize, gradY: usize, gradX: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32,
): void {
  backward(GELU_BACKWARD, x, gradY, gradX, n, p, q, begin, end);
}

export function sigmoidBackward(
  x: usize, gradY: usize, gradX: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32,
): void {
  backward(SIGMOID_BACKWARD, x, gradY, gradX, n, p, q, begin, end);
}

export function tanhBackward(
  x: usize, gradY: usize, gradX: usize, n: i32, p: f32, q: f32, begin: i32, end: i32, thread: i32,
): void {
  backward(TANH_BACKWARD, x, gradY, gradX, n, p, q, begin, end);
}

/** Four lanes of a mask of 16 bytes as lanes of 32 bits, all ones or all zeros. */
// @ts-ignore: decorator
@inline
function quarterMask(wide: v128, upper: bool): v128 {
  return upper ? i32x4.extend_high_i16x8_s(wide) : i32x4.extend_low_i16x8_s(wide);
}

/** y[n] = mask ? x · scale : 0 */
export function applyMask(
  x: usize, mask: usize, y: usize, n: i32, scale: f32, begin: i32, end: i32, thread: i32,
): void {
  const last = min(n, end * BLOCK);
  const factor = f32x4.splat(scale);
  for (let i = begin * BLOCK; i < last; i += 16) {
    const from = x + ((<usize>i) << 2);
    const to = y + ((<usize>i) << 2);
    const set = i8x16.ne(v128.load(mask + i), i8x16.splat(0));
    const low = i16x8.extend_low_i8x16_s(set);
    const high = i16x8.extend_high_i8x16_s(set);
    const v0 = v128.and(f32x4.mul(v128.load(from), factor), quarterMask(low, false));
    const v1 = v128.and(f32x4.mul(v128.load(from, 16), factor), quarterMask(low, true));
    const v2 = v128.and(f32x4.mul(v128.load(from, 32), factor), quarterMask(high, false));
    const v3 = v128.and(f32x4.mul(v128.load(from, 48), factor), quarterMask(high, true));
    if (last - i >= 16) {
      v128.store(to, v0);
      v128.store(to, v1, 16);
      v128.store(to, v2, 32);
      v128.store(to, v3, 48);
    } else {
      storeLanes32(to, v0, last - i);
      if (last - i > 4) storeLanes32(to + 16, v1, last - i - 4);
      if (last - i > 8) storeLanes32(to + 32, v2, last - i - 8);
      if (last - i > 12) storeLanes32(to + 48, v3, last - i - 12);
    }
  }
}
