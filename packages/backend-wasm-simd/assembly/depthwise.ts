// Depthwise convolution, channels last, by blocks of channels. A band of rows is copied with its padding around it and
// channels filled up to a multiple of 4, so that the loops know no edges; bands fit the cache. Weights are
// [block][plane][tap][channels filled up], bands [plane][row][column][channels filled up]: see spread.ts for planes, of
// which there is one where every channel is a group.
import { storeLanes32 } from './lanes';
import { planeTable, spreadPixels } from './spread';
import { atLeast4, atMost4, boundsOf, hasLower, hasUpper, madd } from './tiles';

/** Copies bytes, a multiple of 16. */
// @ts-ignore: decorator
@inline
function copyVectors(to: usize, from: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) v128.store(to + i, v128.load(from + i));
}

/**
 * Rows first to first + rows of an image, columns left to left + columns, zero outside: [rows][columns][filled] at `to`.
 * With upH and upW the image counts as spread out, zeros between its pixels. pixel and filled: bytes of its pixels, and of
 * the band's. spread: 0 where the first bytes are the same, or a plane's table.
 */
function loadBand(
  image: usize, height: i32, width: i32, pixel: usize, spread: usize, filled: usize, first: i32, rows: i32, left: i32,
  columns: i32, upH: i32, upW: i32, to: usize,
): void {
  const before = <usize>min(columns, max(0, -left));
  const skip = max(0, left);
  const count = <usize>max(0, min(width - skip, columns - <i32>before));
  for (let row = first; row < first + rows; row++, to += <usize>columns * filled) {
    const h = row / upH;
    if (row < 0 || h >= height || h * upH != row) {
      memory.fill(to, 0, <usize>columns * filled);
      continue;
    }
    const line = image + <usize>h * width * pixel;
    let at = to;
    if (upW > 1) {
      for (let j = left; j < left + columns; j++, at += filled) {
        const w = j / upW;
        if (j < 0 || w >= width || w * upW != j) memory.fill(at, 0, filled);
        else if (spread) spreadPixels(line + <usize>w * pixel, pixel, 1, spread, at, filled);
        else copyVectors(at, line + <usize>w * pixel, filled);
      }
      continue;
    }
    memory.fill(at, 0, before * filled);
    at += before * filled;
    let from = line + <usize>skip * pixel;
    if (spread) spreadPixels(from, pixel, <i32>count, spread, at, filled);
    else if (filled == pixel) copyVectors(at, from, count * pixel);
    else for (const end = from + count * pixel; from < end; from += pixel, at += filled) copyVectors(at, from, filled);
    at = to + (before + count) * filled;
    memory.fill(at, 0, (<usize>columns - before - count) * filled);
  }
}

/** All planes of a band, of the channels from `block` on: see loadBand. */
function loadPlanes(
  image: usize, height: i32, width: i32, pixel: usize, spread: usize, planes: i32, block: i32, channels: i32,
  filled: usize, first: i32, rows: i32, left: i32, columns: i32, upH: i32, upW: i32, to: usize,
): void {
  let table = spread ? spread + planeTable(block << 2) : 0;
  if (!spread) image += <usize>block << 2;
  for (let i: i32 = 0; i < planes; i++, table += planeTable(channels << 2), to += <usize>(rows * columns) * filled) {
    loadBand(image, height, width, pixel, table, filled, first, rows, left, columns, upH, upW, to);
  }
}

function loadPixels(from: usize, pixel: usize, count: usize, spread: usize, to: usize, filled: usize): void {
  if (spread) spreadPixels(from, pixel, <i32>count, spread, to, filled);
  else if (filled == pixel) copyVectors(to, from, count * pixel);
  else for (; count > 0; count--, from += pixel, to += filled) copyVectors(to, from, filled);
}

/**
 * The weight of channel c, plane and tap, [channels, taps, planes] → packed [blocks][planes][taps][block, filled up].
 * reach: 0, or for the transposed convolution the inputs of a group: then the weight is [channels · planes / reach, taps,
 * reach], the taps backwards. Units are planes by taps.
 */
export function packDepthwise(
  weight: usize, packed: usize, channels: i32, block: i32, taps: i32, planes: i32, reach: i32,
  begin: i32, end: i32, thread: i32,
): void {
  const group = <usize>max(1, reach) * taps * planes << 2;
  for (let unit = begin; unit < end; unit++) {
    const plane = unit / taps;
    const tap = unit - plane * taps;
    let from = weight + (<usize>(reach ? ((plane + 1) * taps - 1 - tap) * reach : tap * planes + plane) << 2);
    let inner: i32 = 0;
    for (let first: i32 = 0; first < channels; first += block) {
      const count = min(block, channels - first);
      const filled = (count + 3) & ~3;
      const to = packed + (<usize>(first * planes * taps + unit * filled) << 2);
      for (let i: i32 = 0; i < count; i++) {
        store<f32>(to + (<usize>i << 2), load<f32>(from + (<usize>inner << 2)));
        if (++inner >= reach) {
          inner = 0;
          from += group;
        }
      }
      memory.fill(to + (<usize>count << 2), 0, <usize>(filled - count) << 2);
    }
  }
}

/** Writes where each tap begins, from the first on: [planes][kernelHeight][kernelWidth]. */
function tapTable(
  table: usize, planes: i32, plane: usize, kernelHeight: i32, kernelWidth: i32, tapH: usize, tapW: usize,
): void {
  for (let i: i32 = 0; i < planes; i++) {
    for (let kh: i32 = 0; kh < kernelHeight; kh++) {
      const row = <usize>i * plane + <usize>kh * tapH;
      for (let kw: i32 = 0; kw < kernelWidth; kw++, table += 4) store<u32>(table, <u32>(row + <usize>kw * tapW));
    }
  }
}

/** Stores four channels of a pixel, or as many as there are. */
// @ts-ignore: decorator
@inline
function storeChannels(y: usize, v: v128, left: i32): void {
  if (left >= 4) v128.store(y, v);
  else storeLanes32(y, v, left);
}

/** Four neighbouring outputs of all channels; stride and pixel in bytes of the band, table that of tapTable. */
function quad(
  x: usize, pixel: usize, stride: usize, table: usize, tableEnd: usize, weight: usize, bias: usize, bounds: i32,
  y: usize, yPixel: usize, channels: i32,
): void {
  for (let c: i32 = 0; c < channels; c += 4) {
    const at = <usize>c << 2;
    let s0 = bias ? v128.load(bias + at) : f32x4.splat(0);
    let s1 = s0, s2 = s0, s3 = s0;
    let w = weight + at;
    for (let t = table; t < tableEnd; t += 4, w += pixel) {
      let p = x + at + load<u32>(t);
      const v = v128.load(w);
      s0 = madd(v128.load(p), v, s0);
      p += stride;
      s1 = madd(v128.load(p), v, s1);
      p += stride;
      s2 = madd(v128.load(p), v, s2);
      s3 = madd(v128.load(p + stride), v, s3);
    }
    if (hasLower(bounds)) {
      s0 = atLeast4(s0), s1 = atLeast4(s1), s2 = atLeast4(s2), s3 = atLeast4(s3);
    }
    if (hasUpper(bounds)) {
      s0 = atMost4(s0), s1 = atMost4(s1), s2 = atMost4(s2), s3 = atMost4(s3);
    }
    const to = y + at;
    storeChannels(to, s0, channels - c);
    storeChannels(to + yPixel, s1, channels - c);
    storeChannels(to + yPixel * 2, s2, channels - c);
    storeChannels(to + yPixel * 3, s3, channels - c);
  }
}

/** The same for 3×3, stride 1, no dilation: every pixel is loaded once for all outputs that use it. */
// @ts-ignore: decorator
@inline
function quad3x3Of(
  one: bool, x: usize, line: usize, pixel: usize, planes: i32, plane: usize, weight: usize, bias: usize, bounds: i32,
  y: usize, yPixel: usize, channels: i32,
): void {
  for (let c: i32 = 0; c < channels; c += 4) {
    const at = <usize>c << 2;
    let s0 = bias ? v128.load(bias + at) : f32x4.splat(0);
    let s1 = s0, s2 = s0, s3 = s0;
    let w = weight + at;
    let p = x + at;
    let i: i32 = 0;
    while (true) {
      for (let kh: i32 = 0; kh < 3; kh++) {
        const w0 = v128.load(w);
        const w1 = v128.load(w + pixel);
        const w2 = v128.load(w + pixel * 2);
        w += pixel * 3;
        let q = p;
        s0 = madd(v128.load(q), w0, s0);
        q += pixel;
        let v = v128.load(q);
        s0 = madd(v, w1, s0);
        s1 = madd(v, w0, s1);
        q += pixel;
        v = v128.load(q);
        s0 = madd(v, w2, s0);
        s1 = madd(v, w1, s1);
        s2 = madd(v, w0, s2);
        q += pixel;
        v = v128.load(q);
        s1 = madd(v, w2, s1);
        s2 = madd(v, w1, s2);
        s3 = madd(v, w0, s3);
        q += pixel;
        v = v128.load(q);
        s2 = madd(v, w2, s2);
        s3 = madd(v, w1, s3);
        s3 = madd(v128.load(q + pixel), w2, s3);
        p += line;
      }
      if (one || ++i == planes) break;
      p += plane - line * 3;
    }
    if (hasLower(bounds)) {
      s0 = atLeast4(s0), s1 = atLeast4(s1), s2 = atLeast4(s2), s3 = atLeast4(s3);
    }
    if (hasUpper(bounds)) {
      s0 = atMost4(s0), s1 = atMost4(s1), s2 = atMost4(s2), s3 = atMost4(s3);
    }
    const to = y + at;
    storeChannels(to, s0, channels - c);
    storeChannels(to + yPixel, s1, channels - c);
    storeChannels(to + yPixel * 2, s2, channels - c);
    storeChannels(to + yPixel * 3, s3, channels - c);
  }
}

/** Of one plane: without a loop of planes, whose registers V8 would rather spend on sums. */
function quad3x3(
  x: usize, line: usize, pixel: usize, weight: usize, bias: usize, bounds: i32, y: usize, yPixel: usize, channels: i32,
): void {
  quad3x3Of(true, x, line, pixel, 1, 0, weight, bias, bounds, y, yPixel, channels);
}

function quad3x3Planes(
  x: usize, line: usize, pixel: usize, planes: i32, plane: usize, weight: usize, bias: usize, bounds: i32,
  y: usize, yPixel: usize, channels: i32,
): void {
  quad3x3Of(false, x, line, pixel, planes, plane, weight, bias, bounds, y, yPixel, channels);
}

/** The same for stride 2. */
// @ts-ignore: decorator
@inline
function quad3x3by2Of(
  one: bool, x: usize, line: usize, pixel: usize, planes: i32, plane: usize, weight: usize, bias: usize, bounds: i32,
  y: usize, yPixel: usize, channels: i32,
): void {
  const two = pixel * 2;
  for (let c: i32 = 0; c < channels; c += 4) {
    const at = <usize>c << 2;
    let s0 = bias ? v128.load(bias + at) : f32x4.splat(0);
    let s1 = s0, s2 = s0, s3 = s0;
    let w = weight + at;
    let p = x + at;
    let i: i32 = 0;
    while (true) {
      for (let kh: i32 = 0; kh < 3; kh++) {
        const w0 = v128.load(w);
        const w1 = v128.load(w + pixel);
        const w2 = v128.load(w + two);
        w += pixel * 3;
        let even = p;
        let odd = p + pixel;
        s0 = madd(v128.load(odd), w1, madd(v128.load(even), w0, s0));
        even += two, odd += two;
        let v = v128.load(even);
        s0 = madd(v, w2, s0);
        s1 = madd(v128.load(odd), w1, madd(v, w0, s1));
        even += two, odd += two;
        v = v128.load(even);
        s1 = madd(v, w2, s1);
        s2 = madd(v128.load(odd), w1, madd(v, w0, s2));
        even += two, odd += two;
        v = v128.load(even);
        s2 = madd(v, w2, s2);
        s3 = madd(v128.load(odd), w1, madd(v, w0, s3));
        s3 = madd(v128.load(even + two), w2, s3);
        p += line;
      }
      if (one || ++i == planes) break;
      p += plane - line * 3;
    }
    if (hasLower(bounds)) {
      s0 = atLeast4(s0), s1 = atLeast4(s1), s2 = atLeast4(s2), s3 = atLeast4(s3);
    }
    if (hasUpper(bounds)) {
      s0 = atMost4(s0), s1 = atMost4(s1), s2 = atMost4(s2), s3 = atMost4(s3);
    }
    const to = y + at;
    storeChannels(to, s0, channels - c);
    storeChannels(to + yPixel, s1, channels - c);
    storeChannels(to + yPixel * 2, s2, channels - c);
    storeChannels(to + yPixel * 3, s3, channels - c);
  }
}

/** Of one plane: without a loop of planes, whose registers V8 would rather spend on sums. */
function quad3x3by2(
  x: usize, line: usize, pixel: usize, weight: usize, bias: usize, bounds: i32, y: usize, yPixel: usize, channels: i32,
): void {
  quad3x3by2Of(true, x, line, pixel, 1, 0, weight, bias, bounds, y, yPixel, channels);
}

function quad3x3by2Planes(
  x: usize, line: usize, pixel: usize, planes: i32, plane: usize, weight: usize, bias: usize, bounds: i32,
  y: usize, yPixel: usize, channels: i32,
): void {
  quad3x3by2Of(false, x, line, pixel, planes, plane, weight, bias, bounds, y, yPixel, channels);
}

/** One output of all channels. */
function single(
  x: usize, pixel: usize, table: usize, tableEnd: usize, weight: usize, bias: usize, bounds: i32, y: usize, channels: i32,
): void {
  for (let c: i32 = 0; c < channels; c += 4) {
    const at = <usize>c << 2;
    let s = bias ? v128.load(bias + at) : f32x4.splat(0);
    let w = weight + at;
    for (let t = table; t < tableEnd; t += 4, w += pixel) s = madd(v128.load(x + at + load<u32>(t)), v128.load(w), s);
    if (hasLower(bounds)) s = atLeast4(s);
    if (hasUpper(bounds)) s = atMost4(s);
    storeChannels(y + at, s, channels - c);
  }
}

/**
 * y [N,OH,OW,channels] = depthwise convolution of x [N,H,W,inputs] (spread out by upH, upW) with packed weights, clamped if
 * asked; spread: 0 or a table of planes, where channels aren't inputs one by one. Units are blocks of channels by bands of
 * `bandRows` output rows of an image; scratch holds scratchStep bytes for each thread: the table of taps, and a band
 * of all planes.
 */
export function depthwise(
  x: usize, weight: usize, bias: usize, low: f32, high: f32, y: usize, scratch: usize, scratchStep: i32, bandRows: i32,
  block: i32, spread: usize, planes: i32, inputs: i32, height: i32, width: i32, channels: i32, outHeight: i32,
  outWidth: i32, kernelHeight: i32, kernelWidth: i32, strideH: i32, strideW: i32, padH: i32, padW: i32, dilationH: i32,
  dilationW: i32, upH: i32, upW: i32, begin: i32, end: i32, thread: i32,
): void {
  const bounds = boundsOf(low, high);
  const bands = (outHeight + bandRows - 1) / bandRows;
  const blocks = (channels + block - 1) / block;
  const columns = (outWidth - 1) * strideW + (kernelWidth - 1) * dilationW + 1;
  const taps = planes * kernelHeight * kernelWidth;
  const table = scratch + <usize>thread * scratchStep;
  const tableEnd = table + (<usize>taps << 2);
  const band = (tableEnd + 15) & ~15;
  const xPixel = <usize>inputs << 2;
  const yPixel = <usize>channels << 2;
  const close3x3 = kernelHeight == 3 && kernelWidth == 3 && strideW <= 2 && dilationW == 1;
  for (let unit = begin; unit < end; unit++) {
    const at = unit / blocks;
    const first = (unit - at * blocks) * block;
    const count = min(block, channels - first);
    const n = at / bands;
    const row = (at - n * bands) * bandRows;
    const rows = min(bandRows, outHeight - row);
    const pixel = <usize>((count + 3) & ~3) << 2;
    const line = <usize>columns * pixel;
    const step = <usize>strideW * pixel;
    const tapH = <usize>dilationH * line;
    const tapW = <usize>dilationW * pixel;
    const lines = (rows - 1) * strideH + (kernelHeight - 1) * dilationH + 1;
    const plane = <usize>lines * line;
    const w = weight + (<usize>(first * taps) << 2);
    const b = bias ? bias + (<usize>first << 2) : 0;
    loadPlanes(
      x + <usize>n * height * width * xPixel, height, width, xPixel, spread, planes, first, channels, pixel,
      row * strideH - padH, lines, -padW, columns, upH, upW, band,
    );
    tapTable(table, planes, plane, kernelHeight, kernelWidth, tapH, tapW);
    for (let r: i32 = 0; r < rows; r++) {
      const from = band + <usize>(r * strideH) * line;
      const to = y + <usize>((n * outHeight + row + r) * outWidth) * yPixel + (<usize>first << 2);
      if (outWidth < 4) {
        for (let j: i32 = 0; j < outWidth; j++) {
          single(from + <usize>j * step, pixel, table, tableEnd, w, b, bounds, to + <usize>j * yPixel, count);
        }
        continue;
      }
      for (let j: i32 = 0; j < outWidth; j += 4) {
        // The last four may overlap with those before: the same numbers twice.
        const column = <usize>min(j, outWidth - 4);
        const source = from + column * step;
        const into = to + column * yPixel;
        if (!close3x3) quad(source, pixel, step, table, tableEnd, w, b, bounds, into, yPixel, count);
        else if (planes == 1) {
          if (strideW == 1) quad3x3(source, tapH, pixel, w, b, bounds, into, yPixel, count);
          else quad3x3by2(source, tapH, pixel, w, b, bounds, into, yPixel, count);
        } else if (strideW == 1) quad3x3Planes(source, tapH, pixel, planes, plane, w, b, bounds, into, yPixel, count);
        else quad3x3by2Planes(source, tapH, pixel, planes, plane, w, b, bounds, into, yPixel, count);
      }
    }
  }
}

/** sums [3 · 3] of filled channels, `pixel` bytes apart, += gradY · x over one row of outputs. */
function addRow3x3(
  x: usize, tapH: usize, tapW: usize, step: usize, gradY: usize, yPixel: usize, channels: i32, outWidth: i32, sums: usize,
  pixel: usize,
): void {
  for (let c: i32 = 0; c < channels; c += 4) {
    const at = <usize>c << 2;
    const to = sums + at;
    let s0 = v128.load(to), s1 = v128.load(to + pixel), s2 = v128.load(to + pixel * 2);
    let s3 = v128.load(to + pixel * 3), s4 = v128.load(to + pixel * 4), s5 = v128.load(to + pixel * 5);
    let s6 = v128.load(to + pixel * 6), s7 = v128.load(to + pixel * 7), s8 = v128.load(to + pixel * 8);
    let p = x + at;
    let q = p + tapH;
    let r = q + tapH;
    let up = gradY + at;
    for (let j: i32 = 0; j < outWidth; j++) {
      const g = v128.load(up);
      s0 = madd(g, v128.load(p), s0);
      s1 = madd(g, v128.load(p + tapW), s1);
      s2 = madd(g, v128.load(p + tapW * 2), s2);
      s3 = madd(g, v128.load(q), s3);
      s4 = madd(g, v128.load(q + tapW), s4);
      s5 = madd(g, v128.load(q + tapW * 2), s5);
      s6 = madd(g, v128.load(r), s6);
      s7 = madd(g, v128.load(r + tapW), s7);
      s8 = madd(g, v128.load(r + tapW * 2), s8);
      p += step, q += step, r += step, up += yPixel;
    }
    v128.store(to, s0), v128.store(to + pixel, s1), v128.store(to + pixel * 2, s2);
    v128.store(to + pixel * 3, s3), v128.store(to + pixel * 4, s4), v128.store(to + pixel * 5, s5);
    v128.store(to + pixel * 6, s6), v128.store(to + pixel * 7, s7), v128.store(to + pixel * 8, s8);
  }
}

/** The same for one tap. */
function addRow(
  x: usize, step: usize, gradY: usize, yPixel: usize, channels: i32, outWidth: i32, sums: usize,
): void {
  for (let c: i32 = 0; c < channels; c += 4) {
    const at = <usize>c << 2;
    let sum = v128.load(sums + at);
    let p = x + at;
    let up = gradY + at;
    for (let j: i32 = 0; j < outWidth; j++) {
      sum = madd(v128.load(up), v128.load(p), sum);
      p += step, up += yPixel;
    }
    v128.store(sums + at, sum);
  }
}

/**
 * partial [units][taps][planes][filled channels] = sums of gradY · x. Units are `share` bands each, of the `items` there are.
 */
export function depthwiseWeightGradient(
  x: usize, gradY: usize, partial: usize, scratch: usize, scratchStep: i32, bandRows: i32, items: i32, share: i32,
  block: i32, spread: usize, planes: i32, inputs: i32, height: i32, width: i32, channels: i32, outHeight: i32,
  outWidth: i32, kernelHeight: i32, kernelWidth: i32, strideH: i32, strideW: i32, padH: i32, padW: i32, dilationH: i32,
  dilationW: i32, begin: i32, end: i32, thread: i32,
): void {
  const bands = (outHeight + bandRows - 1) / bandRows;
  const columns = (outWidth - 1) * strideW + (kernelWidth - 1) * dilationW + 1;
  const band = scratch + <usize>thread * scratchStep;
  const xPixel = <usize>inputs << 2;
  const yPixel = <usize>channels << 2;
  const planeBytes = <usize>((channels + 3) & ~3) << 2;
  const tapBytes = <usize>planes * planeBytes;
  const sumBytes = <usize>(kernelHeight * kernelWidth) * tapBytes;
  for (let unit = begin; unit < end; unit++) {
    memory.fill(partial + <usize>unit * sumBytes, 0, sumBytes);
    for (let item = unit * share; item < min(items, (unit + 1) * share); item++) {
      const n = item / bands;
      const row = (item - n * bands) * bandRows;
      const rows = min(bandRows, outHeight - row);
      const lines = (rows - 1) * strideH + (kernelHeight - 1) * dilationH + 1;
      for (let first: i32 = 0; first < channels; first += block) {
        const count = min(block, channels - first);
        const pixel = <usize>((count + 3) & ~3) << 2;
        const line = <usize>columns * pixel;
        const step = <usize>strideW * pixel;
        const tapH = <usize>dilationH * line;
        const tapW = <usize>dilationW * pixel;
        loadPlanes(
          x + <usize>n * height * width * xPixel, height, width, xPixel, spread, planes, first, channels, pixel,
          row * strideH - padH, lines, -padW, columns, 1, 1, band,
        );
        for (let i: i32 = 0; i < planes; i++) {
          const sums = partial + <usize>unit * sumBytes + <usize>i * planeBytes + (<usize>first << 2);
          for (let r: i32 = 0; r < rows; r++) {
            const from = band + <usize>(i * lines + r * strideH) * line;
            const up = gradY + <usize>((n * outHeight + row + r) * outWidth) * yPixel + (<usize>first << 2);
            if (kernelHeight == 3 && kernelWidth == 3) {
              addRow3x3(from, tapH, tapW, step, up, yPixel, count, outWidth, sums, tapBytes);
              continue;
            }
            let to = sums;
            for (let kh: i32 = 0; kh < kernelHeight; kh++) {
              for (let kw: i32 = 0; kw < kernelWidth; kw++, to += tapBytes) {
                addRow(from + <usize>kh * tapH + <usize>kw * tapW, step, up, yPixel, count, outWidth, to);
              }
            }
          }
        }
      }
    }
  }
}

/** gradWeight [channels, taps] = the sums of all parts. Units are channels. */
export function sumDepthwiseGradient(
  partial: usize, gradWeight: usize, parts: i32, channels: i32, taps: i32, begin: i32, end: i32, thread: i32,
): void {
  const filled = (channels + 3) & ~3;
  for (let c = begin; c < end; c++) {
    for (let t: i32 = 0; t < taps; t++) {
      let sum: f64 = 0;
      for (let part: i32 = 0; part < parts; part++) {
        sum += load<f32>(partial + ((<usize>((part * taps + t) * filled + c)) << 2));
      }
      store<f32>(gradWeight + (<usize>(c * taps + t) << 2), <f32>sum);
    }
  }
}
