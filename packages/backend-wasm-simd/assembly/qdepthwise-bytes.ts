// What int8 depthwise convolution by the product of four bytes (see qgemm.ts), where the engine has it, does otherwise than qdepthwise.ts.
//
// Four input rows, interleaved, are one operand: the taps of a column of the kernel lie side by side for each of 4 channels, a
// quad. It is made once, and used by all output columns and by both output rows that touch it. Quads are kept in a ring,
// [slot][8 channels][column][4 rows each], padded as there. At a vertical stride of 2, or of 1 with two output rows A and B at a
// time, quads begin at every second row, and one enters the ring per step: a kernel of more than 4 rows uses it again two
// steps later. A has the weights of rows (0, 1, 2, 3), B of (-, 0, 1, 2).
//
// At strides of 2 both ways quads are `square`: two rows of two columns. Each is made once for all outputs, and a column of the ring is
// two of the image: the first one begins with the first kernel column of the first output.
import { FORM_FLAG, FORM_SIGNED, SMALL_FLAG } from './constants';
import { storeRows } from './lanes';
import { dot } from './qgemm';
import {
  bytesOf, evenOdd, isBounded, limit, limitMultiplier, limitOf, requantize, round8, SMALL,
} from './qrequantize';

/**
 * weight [channels, kernelHeight, kernelWidth, planes] int8 → packed int8, and bias8 and multiplier8 as in qpackGemm. A block of 8
 * channels is [4 channels][quad][plane][kernel column, or two of them where `square`], of 16 bytes: A's weights, or where `double` A's and B's.
 * Units are 8 channels. Clears the flag of the form where the weights won't do.
 */
export function qpackDepthwiseBytes(
  weight: usize, channels: i32, kernelHeight: i32, kernelWidth: i32, planes: i32, bias: usize, multiplier: usize,
  multiplierStep: i32, xZeroPoint: i32, double: i32, square: i32, packed: usize, bias8: usize, multiplier8: usize, constants: usize,
  begin: i32, end: i32, thread: i32,
): void {
  const signed = load<i32>(constants, FORM_FLAG) == FORM_SIGNED;
  const quads = square ? (kernelHeight + 1) >> 1 : (kernelHeight + 3 + double) >> 2;
  const columns = square ? (kernelWidth + 1) >> 1 : kernelWidth;
  const rowStep = columns * planes;
  const step = <usize>16 << double;
  for (let c = begin * 8; c < end * 8; c++) {
    const valid = c < channels;
    const from = weight + <usize>c * (kernelHeight * kernelWidth * planes);
    let to = packed + <usize>(c >> 2) * (quads * rowStep) * step + ((<usize>c & 3) << 2);
    let sum: i32 = 0;
    let most: i32 = 0;
    for (let q: i32 = 0; q < quads; q++) {
      for (let t: i32 = 0; t < rowStep; t++, to += step) {
        const plane = t / columns;
        const column = t - plane * columns;
        let before: i32 = 0;
        // The first of B's rows is the last of the quad before.
        for (let i: i32 = -double; i < 4; i++) {
          const h = square ? (q << 1) + (i >> 1) : (q << 2) + i;
          const k = square ? (column << 1) + (i & 1) : column;
          const inside = valid && h >= 0 && h < kernelHeight && k < kernelWidth;
          const w = inside ? <i32>load<i8>(from + (h * kernelWidth + k) * planes + plane) : 0;
          if (i >= 0) {
            sum += w;
            most += abs(w);
            store<i8>(to + i, <i8>w);
          }
          if (double && i < 3) store<i8>(to + i, <i8>w, 17);
          if (signed && w == -128 && before == -128) store<i32>(constants, 0, FORM_FLAG);
          before = w;
        }
      }
    }
    const at = <usize>c << 2;
    const b = valid && bias ? load<i32>(bias + at) : 0;
    const m = valid ? load<f32>(multiplier + <usize>c * multiplierStep) : 0;
    store<i32>(bias8 + at, b - xZeroPoint * sum);
    store<f32>(multiplier8 + at, m);
    if (!((<f64>most * 255 + abs<f64>(<f64>b)) * <f64>m < SMALL)) store<i32>(constants, 0, SMALL_FLAG);
  }
}

/** `channels` of four rows [columns, stride], bits flipped by `flip` → a slot of the ring, from its first column that isn't padding. */
export function packQuads(
  row0: usize, row1: usize, row2: usize, row3: usize, columns: i32, stride: i32, channels: i32, flip: v128, to: usize,
  blockBytes: usize,
): void {
  const most = <usize>columns << 5;
  for (let c: i32 = 0; c < channels; c += 16, to += blockBytes << 1) {
    let at: usize = c;
    const second = c + 8 < channels;
    for (let dst = to; dst < to + most; dst += 32, at += stride) {
      const a = v128.xor(v128.load(row0 + at), flip);
      const b = v128.xor(v128.load(row1 + at), flip);
      const c = v128.xor(v128.load(row2 + at), flip);
      const d = v128.xor(v128.load(row3 + at), flip);
      let ab = v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      let cd = v128.shuffle<i8>(c, d, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      v128.store(dst, v128.shuffle<i16>(ab, cd, 0, 8, 1, 9, 2, 10, 3, 11));
      v128.store(dst, v128.shuffle<i16>(ab, cd, 4, 12, 5, 13, 6, 14, 7, 15), 16);
      if (!second) continue;
      ab = v128.shuffle<i8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      cd = v128.shuffle<i8>(c, d, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      v128.store(dst + blockBytes, v128.shuffle<i16>(ab, cd, 0, 8, 1, 9, 2, 10, 3, 11));
      v128.store(dst + blockBytes, v128.shuffle<i16>(ab, cd, 4, 12, 5, 13, 6, 14, 7, 15), 16);
    }
  }
}

/**
 * The same of square quads: of two rows of `width` columns, from the column `first` of the ring on. That before it has the image's first
 * column where the padding, a row of which is at `empty`, is of an odd number of columns. `wide`: columns of the ring.
 */
export function packSquares(
  row0: usize, row1: usize, empty: usize, width: i32, padWidth: i32, stride: i32, channels: i32, flip: v128, slot: usize,
  blockBytes: usize, wide: i32,
): void {
  const first = (padWidth + 1) >> 1;
  const before = padWidth & 1;
  const left = max(0, width - before);
  const whole = max(0, min(left >> 1, wide - first));
  const to = slot + (<usize>first << 5);
  if (before && first <= wide) packQuads(empty, row0, empty, row1, 1, stride, channels, flip, to - 32, blockBytes);
  const a = row0 + <usize>(before * stride), b = row1 + <usize>(before * stride);
  packQuads(a, a + stride, b, b + stride, whole, stride << 1, channels, flip, to, blockBytes);
  if (!(left & 1) || first + whole >= wide) return;
  const last = <usize>(whole * stride << 1);
  packQuads(a + last, empty, b + last, empty, 1, stride, channels, flip, to + (<usize>whole << 5), blockBytes);
}

/** Up to 4 columns of up to 8 channels: `low` has two of them, `high` the others. */
// @ts-ignore: decorator
@inline
export function storeTile(to: usize, channels: i32, low: v128, high: v128, columns: i32, count: i32): void {
  if (columns >= 4 && count >= 8) {
    v128.store64_lane(to, low, 0);
    v128.store64_lane(to + channels, low, 1);
    v128.store64_lane(to + (<usize>channels << 1), high, 0);
    v128.store64_lane(to + <usize>channels * 3, high, 1);
  } else {
    storeRows(to, channels, columns, count, low, high);
  }
}

/** Output rows A and (unless yB is 0) B. table: where in the ring each tap begins. */
// @ts-ignore: decorator
@inline
export function quadsDouble(
  ring: usize, blockBytes: usize, table: usize, taps: i32, packed: usize, bias8: usize,
  multiplier8: usize, constants: usize, yA: usize, yB: usize, outWidth: i32, stride: i32, channels: i32,
): void {
  const small = load<i32>(constants, SMALL_FLAG) != 0;
  const bounded = isBounded(constants);
  const tableEnd = table + (<usize>taps << 2);
  const weightBytes = <usize>taps << 5;
  for (let c: i32 = 0; c < channels; c += 8) {
    const weights = packed + <usize>(c >> 2) * weightBytes;
    const block = ring + <usize>(c >> 3) * blockBytes;
    const parameters = <usize>c << 2;
    const count = channels - c;
    let column: i32 = 0;
    while (true) {
      const to = <usize>(column * stride + c);
      // Of the first 4 channels, two columns each.
      let lowA = i32x4.splat(0), highA = lowA, lowB = lowA, highB = lowA;
      let x = block + (<usize>column << 5);
      let w = weights;
      for (let half: usize = 0; ; half = 16, x += 16) {
        let a0 = v128.load(bias8 + parameters + half);
        let a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        let wA: v128, wB: v128, v: v128;
        for (let t = table; t < tableEnd; t += 4, w += 32) {
          const at = x + load<u32>(t);
          wA = v128.load(w);
          wB = v128.load(w, 16);
          v = v128.load(at);
          a0 = dot(wA, v, a0);
          b0 = dot(wB, v, b0);
          v = v128.load(at, 32);
          a1 = dot(wA, v, a1);
          b1 = dot(wB, v, b1);
          v = v128.load(at, 64);
          a2 = dot(wA, v, a2);
          b2 = dot(wB, v, b2);
          v = v128.load(at, 96);
          a3 = dot(wA, v, a3);
          b3 = dot(wB, v, b3);
        }
        let m = v128.load(multiplier8 + parameters + half);
        if (!small) {
          m = limitMultiplier(m);
          const l = limitOf(m);
          a0 = limit(a0, l), a1 = limit(a1, l), a2 = limit(a2, l), a3 = limit(a3, l);
          b0 = limit(b0, l), b1 = limit(b1, l), b2 = limit(b2, l), b3 = limit(b3, l);
        }
        a0 = round8(a0, a1, m, m, constants);
        a2 = round8(a2, a3, m, m, constants);
        b0 = round8(b0, b1, m, m, constants);
        b2 = round8(b2, b3, m, m, constants);
        if (half) {
          a0 = evenOdd(bytesOf(lowA, a0, constants, bounded));
          a2 = evenOdd(bytesOf(highA, a2, constants, bounded));
          storeTile(yA + to, stride, a0, a2, outWidth, count);
          if (yB) {
            b0 = evenOdd(bytesOf(lowB, b0, constants, bounded));
            b2 = evenOdd(bytesOf(highB, b2, constants, bounded));
            storeTile(yB + to, stride, b0, b2, outWidth, count);
          }
          break;
        }
        lowA = a0, highA = a2, lowB = b0, highB = b2;
      }
      if (column + 4 >= outWidth) break;
      // The last tile ends where the row does, even if some columns are computed twice.
      column = min(column + 4, outWidth - 4);
    }
  }
}

/** One output row; `step` is the bytes from one column's input to the next one's. */
// @ts-ignore: decorator
@inline
export function quadsSingle(
  step: usize, ring: usize, blockBytes: usize, table: usize, taps: i32, packed: usize,
  bias8: usize, multiplier8: usize, constants: usize, y: usize, outWidth: i32, stride: i32, channels: i32,
): void {
  const small = load<i32>(constants, SMALL_FLAG) != 0;
  const bounded = isBounded(constants);
  const tableEnd = table + (<usize>taps << 2);
  const weightBytes = <usize>taps << 4;
  for (let c: i32 = 0; c < channels; c += 8) {
    const weights = packed + <usize>(c >> 2) * weightBytes;
    const block = ring + <usize>(c >> 3) * blockBytes;
    const parameters = <usize>c << 2;
    const count = channels - c;
    let column: i32 = 0;
    while (true) {
      const x = block + <usize>column * step;
      let c00 = v128.load(bias8 + parameters);
      let c01 = v128.load(bias8 + parameters, 16);
      let c10 = c00, c11 = c01, c20 = c00, c21 = c01, c30 = c00, c31 = c01;
      let w = weights;
      let w0: v128, w1: v128;
      for (let t = table; t < tableEnd; t += 4, w += 16) {
        let at = x + load<u32>(t);
        w0 = v128.load(w);
        w1 = v128.load(w + weightBytes);
        c00 = dot(w0, v128.load(at), c00);
        c01 = dot(w1, v128.load(at, 16), c01);
        at += step;
        c10 = dot(w0, v128.load(at), c10);
        c11 = dot(w1, v128.load(at, 16), c11);
        at += step;
        c20 = dot(w0, v128.load(at), c20);
        c21 = dot(w1, v128.load(at, 16), c21);
        at += step;
        c30 = dot(w0, v128.load(at), c30);
        c31 = dot(w1, v128.load(at, 16), c31);
      }
      let m0 = v128.load(multiplier8 + parameters);
      let m1 = v128.load(multiplier8 + parameters, 16);
      if (!small) {
        m0 = limitMultiplier(m0), m1 = limitMultiplier(m1);
        const l0 = limitOf(m0), l1 = limitOf(m1);
        c00 = limit(c00, l0), c01 = limit(c01, l1), c10 = limit(c10, l0), c11 = limit(c11, l1);
        c20 = limit(c20, l0), c21 = limit(c21, l1), c30 = limit(c30, l0), c31 = limit(c31, l1);
      }
      c00 = requantize(c00, c01, c10, c11, m0, m1, m0, m1, constants, bounded);
      c20 = requantize(c20, c21, c30, c31, m0, m1, m0, m1, constants, bounded);
      const to = y + <usize>(column * stride + c);
      storeTile(to, stride, c00, c20, outWidth, count);
      if (column + 4 >= outWidth) break;
      column = min(column + 4, outWidth - 4);
    }
  }
}
