// Elementwise float kernels. A unit of work is a block of BLOCK elements: always the same ones, whoever computes it.
import { storeLanes32 } from './lanes';

const BLOCK: i32 = 1024;

const ADD: i32 = 0;
const SUB: i32 = 1;
const MUL: i32 = 2;
const DIV: i32 = 3;

// @ts-ignore: decorator
@inline
function binaryOp(op: i32, a: v128, b: v128): v128 {
  if (op == ADD) return f32x4.add(a, b);
  if (op == SUB) return f32x4.sub(a, b);
  if (op == MUL) return f32x4.mul(a, b);
  return f32x4.div(a, b);
}

/** y[n] = a ∘ b; aStep and bStep are 4, or 0 for an operand of one element that stands for all. */
// @ts-ignore: decorator
@inline
function binary(op: i32, a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, begin: i32, end: i32): void {
  const last = min(n, end * BLOCK);
  const a0 = v128.load32_splat(a);
  const b0 = v128.load32_splat(b);
  for (let i = begin * BLOCK; i < last; i += 4) {
    const at = (<usize>i) << 2;
    const left = aStep ? v128.load(a + at) : a0;
    const right = bStep ? v128.load(b + at) : b0;
    storeLanes32(y + at, binaryOp(op, left, right), last - i);
  }
}

export function add(a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, begin: i32, end: i32, thread: i32): void {
  binary(ADD, a, aStep, b, bStep, y, n, begin, end);
}

export function sub(a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, begin: i32, end: i32, thread: i32): void {
  binary(SUB, a, aStep, b, bStep, y, n, begin, end);
}

export function mul(a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, begin: i32, end: i32, thread: i32): void {
  binary(MUL, a, aStep, b, bStep, y, n, begin, end);
}

export function div(a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, begin: i32, end: i32, thread: i32): void {
  binary(DIV, a, aStep, b, bStep, y, n, begin, end);
}

/** y[n] = x > 0 ? x : 0, but a NaN stays one. */
export function relu(x: usize, y: usize, n: i32, begin: i32, end: i32, thread: i32): void {
  const last = min(n, end * BLOCK);
  const zero = f32x4.splat(0);
  for (let i = begin * BLOCK; i < last; i += 4) {
    const at = (<usize>i) << 2;
    storeLanes32(y + at, f32x4.max(v128.load(x + at), zero), last - i);
  }
}
