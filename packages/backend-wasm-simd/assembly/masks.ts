// Relations of two tensors to bool, and the choice by a mask. A unit of work is a block of BLOCK elements.
import { ELEMENTWISE_BLOCK as BLOCK } from './constants';
import { storeBytes8, storeLanes32 } from './lanes';

const EQ: i32 = 0;
const NE: i32 = 1;
const LT: i32 = 2;
const LE: i32 = 3;

/** All ones where a stands so to b; `ints`: lanes of int32, else of float32. */
// @ts-ignore: decorator
@inline
function related(op: i32, ints: bool, a: v128, b: v128): v128 {
  if (ints) {
    if (op == EQ) return i32x4.eq(a, b);
    if (op == NE) return i32x4.ne(a, b);
    if (op == LT) return i32x4.lt_s(a, b);
    return i32x4.le_s(a, b);
  }
  if (op == EQ) return f32x4.eq(a, b);
  if (op == NE) return f32x4.ne(a, b);
  if (op == LT) return f32x4.lt(a, b);
  return f32x4.le(a, b);
}

/** y[n] = a ∘ b as bytes; aStep and bStep are 4, or 0 for an operand of one element that stands for all. */
// @ts-ignore: decorator
@inline
function relation(
  op: i32, ints: bool, a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, begin: i32, end: i32,
): void {
  const last = min(n, end * BLOCK);
  const a0 = v128.load32_splat(a);
  const b0 = v128.load32_splat(b);
  const one = i8x16.splat(1);
  for (let i = begin * BLOCK; i < last; i += 8) {
    const at = (<usize>i) << 2;
    const low = related(op, ints, aStep ? v128.load(a + at) : a0, bStep ? v128.load(b + at) : b0);
    const high = related(op, ints, aStep ? v128.load(a + at, 16) : a0, bStep ? v128.load(b + at, 16) : b0);
    const words = i16x8.narrow_i32x4_s(low, high);
    storeBytes8(y + i, v128.and(i8x16.narrow_i16x8_s(words, words), one), last - i);
  }
}

export function eq(
  a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, ints: bool, begin: i32, end: i32, thread: i32,
): void {
  if (ints) relation(EQ, true, a, aStep, b, bStep, y, n, begin, end);
  else relation(EQ, false, a, aStep, b, bStep, y, n, begin, end);
}

export function ne(
  a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, ints: bool, begin: i32, end: i32, thread: i32,
): void {
  if (ints) relation(NE, true, a, aStep, b, bStep, y, n, begin, end);
  else relation(NE, false, a, aStep, b, bStep, y, n, begin, end);
}

export function lt(
  a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, ints: bool, begin: i32, end: i32, thread: i32,
): void {
  if (ints) relation(LT, true, a, aStep, b, bStep, y, n, begin, end);
  else relation(LT, false, a, aStep, b, bStep, y, n, begin, end);
}

export function le(
  a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, ints: bool, begin: i32, end: i32, thread: i32,
): void {
  if (ints) relation(LE, true, a, aStep, b, bStep, y, n, begin, end);
  else relation(LE, false, a, aStep, b, bStep, y, n, begin, end);
}

/** y[n] = mask ? a : b of 4 bytes; the steps are 4, or 0 for an operand of one element. */
export function where4(
  mask: usize, a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32, begin: i32, end: i32, thread: i32,
): void {
  const last = min(n, end * BLOCK);
  const a0 = v128.load32_splat(a);
  const b0 = v128.load32_splat(b);
  const zero = i32x4.splat(0);
  for (let i = begin * BLOCK; i < last; i += 4) {
    const at = (<usize>i) << 2;
    const bytes = v128.load32_zero(mask + i);
    const set = i32x4.ne(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes)), zero);
    const left = aStep ? v128.load(a + at) : a0;
    const right = bStep ? v128.load(b + at) : b0;
    storeLanes32(y + at, v128.bitselect(left, right, set), last - i);
  }
}
