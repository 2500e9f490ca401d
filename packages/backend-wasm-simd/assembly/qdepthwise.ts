// int8 depthwise convolution of any kernel, stride and dilation, a few rows at a time.
//
// Two input rows, interleaved and widened to int16, are one operand of i32x4.dot_i16x8_s, which sums two taps for
// each of 4 channels: a pair of rows. Pairs are kept in a ring, [slot][8 channels][column][2 rows each], the columns
// padded with the zero point of x, which is part of the bias (see qgemm.ts). At a vertical stride of 2 one pair
// enters the ring per output row; at a stride of 1 one pair per two output rows, A and B, which share every load: A
// has the weights of rows (0, 1), (2, -) and B of (-, 0), (1, 2).
//
// Where groups have several inputs or outputs, the ring's slots are those of [pair][plane]: see spread.ts.
import { FORM_FLAG, FORM_SIGNED, SMALL_FLAG } from './constants';
import { storeBytes8, storeLanes32, toFloat } from './lanes';
import { packQuads, packSquares, quadsDouble, quadsSingle, storeTile } from './qdepthwise-bytes';
import { isBounded, limit, limitMultiplier, limitOf, requantize, SMALL } from './qrequantize';
import { planeTable, spreadPixels } from './spread';

/**
 * weight [channels, kernelHeight, kernelWidth, planes] int8 → packed int16, and bias8 and multiplier8 as in qpackGemm. One
 * tap is 32 bytes, [block][row pair][plane][kernel column]: blocks are 8 channels, or where `double` 4, first A's
 * weights, then B's. Units are 8 channels.
 */
export function qpackDepthwise(
  weight: usize, channels: i32, kernelHeight: i32, kernelWidth: i32, planes: i32, zeroPoint: usize, zeroStep: i32,
  bias: usize, multiplier: usize, multiplierStep: i32, xZeroPoint: i32, double: i32, packed: usize, bias8: usize,
  multiplier8: usize, constants: usize, begin: i32, end: i32, thread: i32,
): void {
  const pairs = (kernelHeight + 1 + double) >> 1;
  for (let c = begin * 8; c < end * 8; c++) {
    const valid = c < channels;
    const zero = valid ? load<i32>(zeroPoint + <usize>c * zeroStep) : 0;
    const rowStep = kernelWidth * planes;
    const from = weight + <usize>c * (kernelHeight * rowStep);
    let to = double
      ? packed + (<usize>(c >> 2) * (pairs * rowStep) << 5) + ((<usize>c & 3) << 2)
      : packed + (<usize>(c >> 3) * (pairs * rowStep) << 5) + ((<usize>c & 7) << 2);
    let sum: i32 = 0;
    let most: i32 = 0;
    for (let p: i32 = 0; p < pairs; p++) {
      for (let t: i32 = 0; t < rowStep; t++, to += 32) {
        const plane = t / kernelWidth;
        const tap = from + (t - plane * kernelWidth) * planes + plane;
        // Rows 2p - 1, 2p and 2p + 1 of the kernel.
        const h = p << 1;
        const w0 = valid && h > 0 && h <= kernelHeight ? <i32>load<i8>(tap + (h - 1) * rowStep) - zero : 0;
        const w1 = valid && h < kernelHeight ? <i32>load<i8>(tap + h * rowStep) - zero : 0;
        const w2 = valid && h + 1 < kernelHeight ? <i32>load<i8>(tap + (h + 1) * rowStep) - zero : 0;
        sum += w1 + w2;
        most += abs(w1) + abs(w2);
        store<i32>(to, (w1 & 0xffff) | (w2 << 16));
        if (double) store<i32>(to, (w0 & 0xffff) | (w1 << 16), 16);
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

/** `channels` of two rows [columns, stride] → a slot of the ring, from its first column that isn't padding. */
// @ts-ignore: decorator
@inline
function packPair(
  row0: usize, row1: usize, columns: i32, stride: i32, channels: i32, to: usize, blockBytes: usize,
): void {
  let c: i32 = 0;
  for (; c + 8 < channels; c += 16, to += blockBytes << 1) {
    let a = row0 + c;
    let b = row1 + c;
    let dst = to;
    for (const end = to + (<usize>columns << 5); dst < end; dst += 32, a += stride, b += stride) {
      const va = v128.load(a);
      const vb = v128.load(b);
      const low = v128.shuffle<i8>(va, vb, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      const high = v128.shuffle<i8>(va, vb, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      v128.store(dst, i16x8.extend_low_i8x16_u(low));
      v128.store(dst, i16x8.extend_high_i8x16_u(low), 16);
      v128.store(dst + blockBytes, i16x8.extend_low_i8x16_u(high));
      v128.store(dst + blockBytes, i16x8.extend_high_i8x16_u(high), 16);
    }
  }
  if (c < channels) {
    let a = row0 + c;
    let b = row1 + c;
    for (const end = to + (<usize>columns << 5); to < end; to += 32, a += stride, b += stride) {
      const va = v128.load64_zero(a);
      const vb = v128.load64_zero(b);
      const low = v128.shuffle<i8>(va, vb, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      v128.store(to, i16x8.extend_low_i8x16_u(low));
      v128.store(to, i16x8.extend_high_i8x16_u(low), 16);
    }
  }
}

/** Up to 4 columns of up to 4 channels. */
// @ts-ignore: decorator
@inline
function storeColumns(to: usize, channels: i32, v: v128, columns: i32, count: i32): void {
  if (columns >= 4 && count >= 4) {
    v128.store32_lane(to, v, 0);
    v128.store32_lane(to + channels, v, 1);
    v128.store32_lane(to + (<usize>channels << 1), v, 2);
    v128.store32_lane(to + <usize>channels * 3, v, 3);
    return;
  }
  const most = min(count, 4);
  for (let i: i32 = 0; i < min(columns, 4); i++, to += channels) {
    storeBytes8(to, v, most);
    v = v128.shuffle<i32>(v, v, 1, 2, 3, 3);
  }
}

// @ts-ignore: decorator
@inline
function mac(c: v128, w: v128, x: v128): v128 {
  return i32x4.add(c, i32x4.dot_i16x8_s(w, x));
}

/** Up to 4 columns of up to 4 floats. */
function storeFloatColumns(to: usize, channels: i32, a: v128, b: v128, c: v128, d: v128, columns: i32, count: i32): void {
  const step = <usize>channels << 2;
  storeLanes32(to, a, count);
  if (columns > 1) storeLanes32(to + step, b, count);
  if (columns > 2) storeLanes32(to + step * 2, c, count);
  if (columns > 3) storeLanes32(to + step * 3, d, count);
}

/** Output rows A and (unless yB is 0) B. table: where in the ring each tap begins. float: as in `product` of qgemm.ts. */
// @ts-ignore: decorator
@inline
function rowsDouble(
  float: bool, ring: usize, blockBytes: usize, table: usize, taps: i32, packed: usize, bias8: usize,
  multiplier8: usize, constants: usize, yA: usize, yB: usize, outWidth: i32, stride: i32, channels: i32, floatBias: usize,
): void {
  const small = load<i32>(constants, SMALL_FLAG) != 0;
  const bounded = isBounded(constants);
  const tableEnd = table + (<usize>taps << 2);
  for (let c: i32 = 0; c < channels; c += 4) {
    const weights = packed + (<usize>(c >> 2) * taps << 5);
    const block = ring + <usize>(c >> 3) * blockBytes + ((<usize>c & 4) << 2);
    const parameters = <usize>c << 2;
    const count = channels - c;
    let column: i32 = 0;
    while (true) {
      const x = block + (<usize>column << 5);
      let a0 = v128.load(bias8 + parameters);
      let a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
      let w = weights;
      let wA: v128, wB: v128, v: v128;
      // Not unrolled: see qgemm.ts.
      for (let t = table; t < tableEnd; t += 4, w += 32) {
        const at = x + load<u32>(t);
        wA = v128.load(w);
        wB = v128.load(w, 16);
        v = v128.load(at);
        a0 = mac(a0, wA, v);
        b0 = mac(b0, wB, v);
        v = v128.load(at, 32);
        a1 = mac(a1, wA, v);
        b1 = mac(b1, wB, v);
        v = v128.load(at, 64);
        a2 = mac(a2, wA, v);
        b2 = mac(b2, wB, v);
        v = v128.load(at, 96);
        a3 = mac(a3, wA, v);
        b3 = mac(b3, wB, v);
      }
      let m = v128.load(multiplier8 + parameters);
      const to = <usize>(column * stride + c);
      if (float) {
        const z = i32x4.mul(v128.load(bias8 + parameters), v128.load(constants));
        const b = v128.load(floatBias + parameters);
        m = f32x4.mul(v128.load(constants, 16), m);
        a0 = toFloat(i32x4.add(a0, z), m, b), a1 = toFloat(i32x4.add(a1, z), m, b);
        a2 = toFloat(i32x4.add(a2, z), m, b), a3 = toFloat(i32x4.add(a3, z), m, b);
        storeFloatColumns(yA + (to << 2), stride, a0, a1, a2, a3, outWidth, count);
        if (yB) {
          b0 = toFloat(i32x4.add(b0, z), m, b), b1 = toFloat(i32x4.add(b1, z), m, b);
          b2 = toFloat(i32x4.add(b2, z), m, b), b3 = toFloat(i32x4.add(b3, z), m, b);
          storeFloatColumns(yB + (to << 2), stride, b0, b1, b2, b3, outWidth, count);
        }
        if (column + 4 >= outWidth) break;
        column = min(column + 4, outWidth - 4);
        continue;
      }
      if (!small) {
        m = limitMultiplier(m);
        const l = limitOf(m);
        a0 = limit(a0, l), a1 = limit(a1, l), a2 = limit(a2, l), a3 = limit(a3, l);
        b0 = limit(b0, l), b1 = limit(b1, l), b2 = limit(b2, l), b3 = limit(b3, l);
      }
      const rA = requantize(a0, a1, a2, a3, m, m, m, m, constants, bounded);
      const rB = requantize(b0, b1, b2, b3, m, m, m, m, constants, bounded);
      storeColumns(yA + to, stride, rA, outWidth, count);
      if (yB) storeColumns(yB + to, stride, rB, outWidth, count);
      if (column + 4 >= outWidth) break;
      // The last tile ends where the row does, even if some columns are computed twice.
      column = min(column + 4, outWidth - 4);
    }
  }
}

/** One output row, 8 channels at a time; `step` is the bytes from one column's input to the next one's. */
// @ts-ignore: decorator
@inline
function rowsSingle(
  float: bool, step: usize, ring: usize, blockBytes: usize, table: usize, taps: i32, packed: usize,
  bias8: usize, multiplier8: usize, constants: usize, y: usize, outWidth: i32, stride: i32, channels: i32, floatBias: usize,
): void {
  const small = load<i32>(constants, SMALL_FLAG) != 0;
  const bounded = isBounded(constants);
  const tableEnd = table + (<usize>taps << 2);
  for (let c: i32 = 0; c < channels; c += 8) {
    const weights = packed + (<usize>(c >> 3) * taps << 5);
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
      for (let t = table; t < tableEnd; t += 4, w += 32) {
        let at = x + load<u32>(t);
        w0 = v128.load(w);
        w1 = v128.load(w, 16);
        c00 = mac(c00, w0, v128.load(at));
        c01 = mac(c01, w1, v128.load(at, 16));
        at += step;
        c10 = mac(c10, w0, v128.load(at));
        c11 = mac(c11, w1, v128.load(at, 16));
        at += step;
        c20 = mac(c20, w0, v128.load(at));
        c21 = mac(c21, w1, v128.load(at, 16));
        at += step;
        c30 = mac(c30, w0, v128.load(at));
        c31 = mac(c31, w1, v128.load(at, 16));
      }
      let m0 = v128.load(multiplier8 + parameters);
      let m1 = v128.load(multiplier8 + parameters, 16);
      if (float) {
        const to = y + (<usize>(column * stride + c) << 2);
        const zero = v128.load(constants), scale = v128.load(constants, 16);
        const z0 = i32x4.mul(v128.load(bias8 + parameters), zero);
        const z1 = i32x4.mul(v128.load(bias8 + parameters, 16), zero);
        const b0 = v128.load(floatBias + parameters), b1 = v128.load(floatBias + parameters, 16);
        m0 = f32x4.mul(scale, m0), m1 = f32x4.mul(scale, m1);
        c00 = toFloat(i32x4.add(c00, z0), m0, b0), c01 = toFloat(i32x4.add(c01, z1), m1, b1);
        c10 = toFloat(i32x4.add(c10, z0), m0, b0), c11 = toFloat(i32x4.add(c11, z1), m1, b1);
        c20 = toFloat(i32x4.add(c20, z0), m0, b0), c21 = toFloat(i32x4.add(c21, z1), m1, b1);
        c30 = toFloat(i32x4.add(c30, z0), m0, b0), c31 = toFloat(i32x4.add(c31, z1), m1, b1);
        storeFloatColumns(to, stride, c00, c10, c20, c30, outWidth, count);
        if (count > 4) storeFloatColumns(to + 16, stride, c01, c11, c21, c31, outWidth, count - 4);
        if (column + 4 >= outWidth) break;
        column = min(column + 4, outWidth - 4);
        continue;
      }
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

/**
 * A row of pixels at `image` + row · rowBytes, spread if there is a table; outside of the image the row at `empty`. `room` is for
 * what was spread.
 */
// @ts-ignore: decorator
@inline
function rowOf(
  image: usize, row: i32, height: i32, rowBytes: i32, empty: usize, spread: usize, inputs: i32, columns: i32,
  channels: i32, room: usize,
): usize {
  if (row < 0 || row >= height) return empty;
  const from = image + <usize>row * rowBytes;
  if (!spread) return from;
  spreadPixels(from, inputs, columns, spread, room, channels);
  return room;
}

/**
 * All of the following. bytes: what a vector of the ring holds are quads, else pairs. float: y is float32. Vectors of a kernel's rows
 * are in the ring from `slots` steps on.
 */
// @ts-ignore: decorator
@inline
function depthwiseRows(
  bytes: bool, float: bool,
  x: usize, batch: i32, height: i32, width: i32, inputs: i32, channels: i32, planes: i32, spread: usize, outHeight: i32,
  outWidth: i32, kernelHeight: i32, kernelWidth: i32, strideHeight: i32, strideWidth: i32, padHeight: i32, padWidth: i32,
  dilationHeight: i32, dilationWidth: i32, xZeroPoint: i32, double: i32, ringWidth: i32, splits: i32,
  packed: usize, bias8: usize, multiplier8: usize, constants: usize, y: usize, scratch: usize, scratchStep: i32, floatBias: usize,
  begin: i32, end: i32, thread: i32,
): void {
  const each = bytes ? 4 : 2;
  const square = bytes && strideHeight == 2 && strideWidth == 2 && dilationHeight == 1 && dilationWidth == 1;
  const vectors = square ? (kernelHeight + 1) >> 1 : (kernelHeight + double + each - 1) / each;
  const kernelColumns = square ? (kernelWidth + 1) >> 1 : kernelWidth;
  const taps = vectors * planes * kernelColumns;
  const table = scratch + <usize>thread * scratchStep;
  const empty = table + <usize>((taps * 4 + 63) & ~63);
  const emptyBytes = <usize>((width * channels + 63) & ~63) + 64;
  const room = empty + emptyBytes;
  const ring = spread ? room + emptyBytes * each : room;
  // Ranges are multiples of 16 channels; the ring has room for the largest.
  const wide = (channels + 15) >> 4;
  const blocks = min((channels + 7) >> 3, (wide + splits - 1) / splits * 2);
  const blockBytes = <usize>ringWidth << 5;
  const slotBytes = <usize>blocks * blockBytes;
  const rowBytes = width * inputs;
  const outBytes = (outWidth * channels) << (float ? 2 : 0);
  const columns = square ? width : min(width, ringWidth - padWidth);
  // A vector serves the output rows after it too: pairs and square quads one after another, other quads every second row.
  const sliding = double || (strideHeight == 2 && dilationHeight == 1);
  const apart = bytes && sliding && !square ? 2 : 1;
  const slots = (vectors - 1) * apart + 1;
  const flip = i8x16.splat(<i8>(bytes && load<i32>(constants, FORM_FLAG) == FORM_SIGNED ? 128 : 0));

  memory.fill(empty, <u8>xZeroPoint, emptyBytes);
  const padding = bytes ? v128.xor(i8x16.splat(<i8>xZeroPoint), flip) : i16x8.splat(<i16>xZeroPoint);
  for (let b: i32 = 0; b < slots * planes * blocks; b++) {
    const block = ring + <usize>b * blockBytes;
    for (let i: i32 = 0; i < ringWidth; i++) {
      if (!square && i == padWidth) i += columns;
      if (i >= ringWidth) break;
      v128.store(block + (<usize>i << 5), padding);
      v128.store(block + (<usize>i << 5), padding, 16);
    }
  }

  const units = (outHeight + 1) >> 1;
  const all = batch * units;
  for (let unit = begin; unit < end; ) {
    const s = unit / all;
    const c = (wide * s / splits) << 4;
    const count = min(channels, (wide * (s + 1) / splits) << 4) - c;
    const at = unit - s * all;
    const n = at / units;
    const first = (at - n * units) << 1;
    const last = min(outHeight, first + ((end - unit) << 1));
    unit += (last - first + 1) >> 1;
    const image = x + <usize>(n * height) * rowBytes + c;
    const weights = packed + (<usize>(double ? c >> 2 : c >> 3) * taps << 5);
    const parameters = <usize>c << 2;
    const top = first * strideHeight - padHeight;
    const steps = double ? (last - first + 1) >> 1 : last - first;
    let ready: i32 = 0;
    for (let q: i32 = 0; q < steps; q++) {
      // Vectors q to q + slots - 1 are wanted, those before `ready` are there.
      if (!sliding) ready = q;
      for (; ready < q + slots; ready++) {
        const h0 = sliding ? top + ready * 2 : top + q * strideHeight + (ready - q) * each * dilationHeight;
        let to = ring + <usize>(ready % slots * planes) * slotBytes + (square ? 0 : <usize>padWidth << 5);
        let plane = spread;
        for (let i: i32 = 0; i < planes; i++, to += slotBytes, plane += planeTable(channels)) {
          const row0 = rowOf(image, h0, height, rowBytes, empty, plane, inputs, columns, channels, room);
          const row1 = rowOf(
            image, h0 + dilationHeight, height, rowBytes, empty, plane, inputs, columns, channels, room + emptyBytes,
          );
          if (!bytes) {
            packPair(row0, row1, columns, channels, count, to, blockBytes);
            continue;
          }
          if (square) {
            packSquares(row0, row1, empty, width, padWidth, channels, count, flip, to, blockBytes, ringWidth);
            continue;
          }
          packQuads(
            row0,
            row1,
            rowOf(
              image, h0 + 2 * dilationHeight, height, rowBytes, empty, plane, inputs, columns, channels,
              room + emptyBytes * 2,
            ),
            rowOf(
              image, h0 + 3 * dilationHeight, height, rowBytes, empty, plane, inputs, columns, channels,
              room + emptyBytes * 3,
            ),
            columns, channels, count, flip, to, blockBytes,
          );
        }
      }
      let t = table;
      for (let p: i32 = 0; p < vectors; p++) {
        let slot = <u32>((q + p * apart) % slots * planes) * <u32>slotBytes;
        for (let i: i32 = 0; i < planes; i++, slot += <u32>slotBytes) {
          for (let j: i32 = 0; j < kernelColumns; j++, t += 4) store<u32>(t, slot + <u32>(j * dilationWidth << 5));
        }
      }
      const oh = double ? first + q * 2 : first + q;
      const to = y + <usize>(n * outHeight + oh) * outBytes + (<usize>c << (float ? 2 : 0));
      const yB = oh + 1 < outHeight ? to + outBytes : 0;
      const step = square ? <usize>32 : <usize>strideWidth << 5;
      // The compiler looks at what isn't done, too, but for constants of the build.
      if (RELAXED && bytes) {
        if (double) {
          quadsDouble(
            ring, blockBytes, table, taps, weights, bias8 + parameters, multiplier8 + parameters, constants,
            to, yB, outWidth, channels, count,
          );
        } else {
          quadsSingle(
            step, ring, blockBytes, table, taps, weights, bias8 + parameters, multiplier8 + parameters, constants,
            to, outWidth, channels, count,
          );
        }
      } else if (double) {
        rowsDouble(
          float, ring, blockBytes, table, taps, weights, bias8 + parameters, multiplier8 + parameters, constants,
          to, yB, outWidth, channels, count, floatBias + parameters,
        );
      } else {
        rowsSingle(
          float, step, ring, blockBytes, table, taps, weights, bias8 + parameters, multiplier8 + parameters, constants,
          to, outWidth, channels, count, floatBias + parameters,
        );
      }
    }
  }
}

/**
 * x [batch, height, width, inputs] uint8 → y [batch, outHeight, outWidth, channels] uint8; spread: 0 or a table of `planes`
 * planes, where channels aren't inputs one by one. double: strides and vertical dilation are 1, and so were the weights
 * packed. Units are two output rows each, of the last one if there is no other, of the first of `splits` ranges of channels, then
 * of the next; those of an image and a range that follow one another share the ring. With a table there is one range. scratch holds
 * scratchStep bytes for each thread: the table of taps, a row of padding, two rows to spread to (by bytes four), the ring of `ringWidth`
 * columns.
 */
export function qdepthwise(
  x: usize, batch: i32, height: i32, width: i32, inputs: i32, channels: i32, planes: i32, spread: usize, outHeight: i32,
  outWidth: i32, kernelHeight: i32, kernelWidth: i32, strideHeight: i32, strideWidth: i32, padHeight: i32, padWidth: i32,
  dilationHeight: i32, dilationWidth: i32, xZeroPoint: i32, double: i32, ringWidth: i32, splits: i32,
  packed: usize, bias8: usize, multiplier8: usize, constants: usize, y: usize, scratch: usize, scratchStep: i32,
  begin: i32, end: i32, thread: i32,
): void {
  depthwiseRows(
    false, false,
    x, batch, height, width, inputs, channels, planes, spread, outHeight, outWidth, kernelHeight, kernelWidth, strideHeight,
    strideWidth, padHeight, padWidth, dilationHeight, dilationWidth, xZeroPoint, double, ringWidth, splits, packed, bias8,
    multiplier8, constants, y, scratch, scratchStep, 0, begin, end, thread,
  );
}

/**
 * The same of x quantized at this call, to floats: y float32. bias8 holds the sums of the weights, multiplier8 their scales, bias
 * [channels] float32, constants the scale of x and what sums of weights are multiplied by, as storeFloatConstants of qgemm.ts does.
 */
export function qdepthwiseDynamic(
  x: usize, batch: i32, height: i32, width: i32, inputs: i32, channels: i32, planes: i32, spread: usize, outHeight: i32,
  outWidth: i32, kernelHeight: i32, kernelWidth: i32, strideHeight: i32, strideWidth: i32, padHeight: i32, padWidth: i32,
  dilationHeight: i32, dilationWidth: i32, xZeroPoint: i32, double: i32, ringWidth: i32, splits: i32,
  packed: usize, bias8: usize, multiplier8: usize, constants: usize, bias: usize, y: usize, scratch: usize, scratchStep: i32,
  begin: i32, end: i32, thread: i32,
): void {
  depthwiseRows(
    false, true,
    x, batch, height, width, inputs, channels, planes, spread, outHeight, outWidth, kernelHeight, kernelWidth, strideHeight,
    strideWidth, padHeight, padWidth, dilationHeight, dilationWidth, xZeroPoint, double, ringWidth, splits, packed, bias8,
    multiplier8, constants, y, scratch, scratchStep, bias, begin, end, thread,
  );
}

/** As qdepthwise, of weights that qpackDepthwiseBytes made. */
export function qdepthwiseBytes(
  x: usize, batch: i32, height: i32, width: i32, inputs: i32, channels: i32, planes: i32, spread: usize, outHeight: i32,
  outWidth: i32, kernelHeight: i32, kernelWidth: i32, strideHeight: i32, strideWidth: i32, padHeight: i32, padWidth: i32,
  dilationHeight: i32, dilationWidth: i32, xZeroPoint: i32, double: i32, ringWidth: i32, splits: i32,
  packed: usize, bias8: usize, multiplier8: usize, constants: usize, y: usize, scratch: usize, scratchStep: i32,
  begin: i32, end: i32, thread: i32,
): void {
  if (RELAXED) depthwiseRows(
    true, false,
    x, batch, height, width, inputs, channels, planes, spread, outHeight, outWidth, kernelHeight, kernelWidth, strideHeight,
    strideWidth, padHeight, padWidth, dilationHeight, dilationWidth, xZeroPoint, double, ringWidth, splits, packed, bias8,
    multiplier8, constants, y, scratch, scratchStep, 0, begin, end, thread,
  );
}
