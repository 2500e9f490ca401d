// Float convolutions as matrix products: patches are gathered into rows, a tile at a time (im2col), unless the image's
// own rows will do. Channels last, weights [O, kh, kw, C / groups].
import { PANEL, PATCH_ROWS } from './constants';
import { storeLanes32 } from './lanes';
import { addOuterProducts, boundsOf, multiplyBlock, TILE } from './tiles';

/** Copies 4-byte elements, at least count of them: up to 3 more, which the next copy overwrites. */
// @ts-ignore: decorator
@inline
function copyLoosely(to: usize, from: usize, count: i32): void {
  for (let i: i32 = 0; i < count; i += 4) v128.store(to + (<usize>i << 2), v128.load(from + (<usize>i << 2)));
}

// @ts-ignore: decorator
@inline
function clearLoosely(to: usize, count: i32): void {
  for (let i: i32 = 0; i < count; i += 4) v128.store(to + (<usize>i << 2), i32x4.splat(0));
}

/** Elements of a kernel's row up to which gatherNarrow takes it. */
const NARROW: i32 = 48;

/**
 * gatherPatches where a kernel's row lies side by side and has at most NARROW elements: a row of the kernel at a time for all output
 * columns side by side.
 */
function gatherNarrow(
  x: usize, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32, kernelHeight: i32, kernelWidth: i32,
  stepH: i32, stepW: i32, firstH: i32, firstW: i32, tapH: i32, row: i32, rows: i32, to: usize,
): void {
  const span = kernelWidth * channels;
  const spanBytes = <usize>span << 2;
  // The last four elements: they overlap those before them, so that nothing is written past the row.
  const tail = spanBytes - 16;
  const patch = spanBytes * kernelHeight;
  const pixels = <usize>(stepW * channels) << 2;
  // Output columns whose taps are all inside.
  const inside0 = (max(0, -firstW) + stepW - 1) / stepW;
  const inside1 = width - firstW < kernelWidth ? 0 : (width - firstW - kernelWidth) / stepW + 1;
  let image = row / (outHeight * outWidth);
  let oh = (row - image * outHeight * outWidth) / outWidth;
  let first = row - (image * outHeight + oh) * outWidth;
  while (rows > 0) {
    const last = min(outWidth, first + rows);
    const copied0 = min(last, max(first, inside0));
    const copied1 = min(last, max(copied0, inside1));
    for (let kh: i32 = 0; kh < kernelHeight; kh++) {
      const h = oh * stepH + firstH + kh * tapH;
      const within = h >= 0 && h < height;
      const line = x + (<usize>((image * height + h) * width * channels) << 2);
      let at = to + <usize>kh * spanBytes;
      for (let ow = first; ow < last; ow++, at += patch) {
        if (within && ow >= copied0 && ow < copied1) {
          let from = line + (<usize>((ow * stepW + firstW) * channels) << 2);
          if (span < 4) {
            for (; ow < copied1; ow++, from += pixels, at += patch) storeLanes32(at, v128.load(from), span);
          } else if (span <= 8) {
            for (; ow < copied1; ow++, from += pixels, at += patch) {
              const v = v128.load(from), w = v128.load(from + tail);
              v128.store(at, v);
              v128.store(at + tail, w);
            }
          } else {
            for (; ow < copied1; ow++, from += pixels, at += patch) {
              for (let i: usize = 0; i < tail; i += 16) v128.store(at + i, v128.load(from + i));
              v128.store(at + tail, v128.load(from + tail));
            }
          }
          if (ow == last) break;
        }
        const left = (ow * stepW + firstW) * channels;
        for (let i: i32 = 0; i < span; i++) {
          const inside = within && left + i >= 0 && left + i < width * channels;
          store<f32>(at + (<usize>i << 2), inside ? load<f32>(line + (<usize>(left + i) << 2)) : 0);
        }
      }
    }
    to += <usize>(last - first) * patch;
    rows -= last - first;
    first = 0;
    if (++oh == outHeight) {
      oh = 0;
      image++;
    }
  }
}

/**
 * The patches of output positions row to row + rows: [rows, kh · kw · channels] at `to`, which has room for 3 more elements.
 * Tap t of output position p looks at (p · step + tap · tapStep + first) / divisor, where that is whole and inside of the
 * image: divisor 1 for a convolution; for its transpose the divisor is the stride.
 */
function gatherPatches(
  x: usize, height: i32, width: i32, channelStep: i32, channels: i32, outHeight: i32, outWidth: i32,
  kernelHeight: i32, kernelWidth: i32, stepH: i32, stepW: i32, firstH: i32, firstW: i32, tapH: i32, tapW: i32,
  divisorH: i32, divisorW: i32, row: i32, rows: i32, to: usize,
): void {
  const side = divisorH == 1 && divisorW == 1 && tapW == 1 && channels == channelStep;
  if (side && kernelWidth * channels <= NARROW) {
    gatherNarrow(
      x, height, width, channels, outHeight, outWidth, kernelHeight, kernelWidth, stepH, stepW, firstH, firstW, tapH, row, rows,
      to,
    );
    return;
  }
  const bytes = <usize>channels << 2;
  const plane = outHeight * outWidth;
  for (let r = row; r < row + rows; r++) {
    const n = r / plane;
    const position = r - n * plane;
    const oh = position / outWidth;
    const ow = position - oh * outWidth;
    for (let kh: i32 = 0; kh < kernelHeight; kh++) {
      let h = oh * stepH + firstH + kh * tapH;
      let inside = h >= 0;
      if (divisorH > 1) {
        const whole = h / divisorH;
        inside = inside && whole * divisorH == h;
        h = whole;
      }
      if (!inside || h >= height) {
        clearLoosely(to, kernelWidth * channels);
        to += bytes * kernelWidth;
        continue;
      }
      const line = x + ((<usize>(n * height + h) * width * channelStep) << 2);
      const left = ow * stepW + firstW;
      if (side && left >= 0 && left + kernelWidth <= width) {
        copyLoosely(to, line + ((<usize>left * channels) << 2), kernelWidth * channels);
        to += bytes * kernelWidth;
        continue;
      }
      for (let kw: i32 = 0; kw < kernelWidth; kw++, to += bytes) {
        let w = ow * stepW + firstW + kw * tapW;
        let within = w >= 0;
        if (divisorW > 1) {
          const whole = w / divisorW;
          within = within && whole * divisorW == w;
          w = whole;
        }
        if (within && w < width) copyLoosely(to, line + ((<usize>w * channelStep) << 2), channels);
        else clearLoosely(to, channels);
      }
    }
  }
}

/**
 * y [rows of all images, groups · n] = patches · packed weights + bias, clamped from low to high. Units are groups by blocks
 * of `tile` output positions; scratch holds scratchStep bytes for each thread, a tile's patches and what multiplyBlock
 * needs. The attributes are gatherPatches'.
 */
export function convolve(
  x: usize, packed: usize, bias: usize, low: f32, high: f32, y: usize, scratch: usize, scratchStep: i32, total: i32, tile: i32,
  groups: i32, n: i32, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32,
  kernelHeight: i32, kernelWidth: i32, stepH: i32, stepW: i32, firstH: i32, firstW: i32, tapH: i32, tapW: i32,
  divisorH: i32, divisorW: i32, begin: i32, end: i32, thread: i32,
): void {
  const bounds = boundsOf(low, high);
  const blocks = (total + tile - 1) / tile;
  const patch = kernelHeight * kernelWidth * channels;
  const patches = scratch + <usize>thread * scratchStep;
  const packedStep = (<usize>((n + PANEL - 1) / PANEL) * patch) << 5;
  for (let unit = begin; unit < end; unit++) {
    const group = unit / blocks;
    const row = (unit - group * blocks) * tile;
    const rows = min(tile, total - row);
    gatherPatches(
      x + ((<usize>group * channels) << 2), height, width, groups * channels, channels, outHeight, outWidth,
      kernelHeight, kernelWidth, stepH, stepW, firstH, firstW, tapH, tapW, divisorH, divisorW, row, rows, patches,
    );
    multiplyBlock(
      patches, <usize>patch << 2, rows, packed + <usize>group * packedStep, patch,
      bias ? bias + ((<usize>group * n) << 2) : 0, bounds,
      y + ((<usize>row * groups * n + group * n) << 2), (<usize>groups * n) << 2, n,
      patches + ((<usize>tile * patch + 16) << 2),
    );
  }
}

/**
 * Sums of gradY · patch over slices of the output positions: partial [groups, slices, O / groups rounded up to tiles,
 * patch rounded up to panels]. Units are groups by slices by groups of `span` output channels, a
 * multiple of TILE. Pointwise
 * convolutions take the rows of x for patches; others gather them, and `span` is all of them.
 */
export function convolveWeightGradient(
  x: usize, gradY: usize, partial: usize, scratch: usize, scratchStep: i32, total: i32, slice: i32, slices: i32,
  span: i32, pointwise: bool, groups: i32, n: i32, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32,
  kernelHeight: i32, kernelWidth: i32, stepH: i32, stepW: i32, firstH: i32, firstW: i32, tapH: i32, tapW: i32,
  begin: i32, end: i32, thread: i32,
): void {
  const patch = kernelHeight * kernelWidth * channels;
  const tiles = (n + TILE - 1) / TILE;
  const spans = (n + span - 1) / span;
  const spanTiles = span / TILE;
  const columns = (patch + PANEL - 1) / PANEL * PANEL;
  const tileBytes = (<usize>columns * TILE) << 2;
  const gathered = scratch + <usize>thread * scratchStep;
  const upStep = (<usize>groups * n) << 2;
  for (let unit = begin; unit < end; unit++) {
    const cut = unit / spans;
    const group = cut / slices;
    const first = (cut - group * slices) * slice;
    const last = min(total, first + slice);
    const tile0 = (unit - cut * spans) * spanTiles;
    const tile1 = min(tiles, tile0 + spanTiles);
    const sums = partial + <usize>cut * tiles * tileBytes;
    memory.fill(sums + <usize>tile0 * tileBytes, 0, <usize>(tile1 - tile0) * tileBytes);
    for (let row = first; row < last; row += PATCH_ROWS) {
      const rows = min(PATCH_ROWS, last - row);
      let right = x + ((<usize>row * patch) << 2);
      if (!pointwise) {
        right = gathered;
        gatherPatches(
          x + ((<usize>group * channels) << 2), height, width, groups * channels, channels, outHeight, outWidth,
          kernelHeight, kernelWidth, stepH, stepW, firstH, firstW, tapH, tapW, 1, 1, row, rows, right,
        );
      }
      const up = gradY + <usize>row * upStep + ((<usize>group * n) << 2);
      for (let t = tile0; t < tile1; t++) {
        addOuterProducts(
          up + ((<usize>t * TILE) << 2), upStep, right, <usize>patch << 2, patch, rows,
          sums + <usize>t * tileBytes, <usize>columns << 2,
        );
      }
    }
  }
}

/** gradWeight [O, patch] = the sum of the slices of convolveWeightGradient. Units are output channels. */
export function sumWeightGradient(
  partial: usize, gradWeight: usize, slices: i32, n: i32, patch: i32, begin: i32, end: i32, thread: i32,
): void {
  const columns = (patch + PANEL - 1) / PANEL * PANEL;
  const sliceBytes = (<usize>((n + TILE - 1) / TILE) * TILE * columns) << 2;
  for (let unit = begin; unit < end; unit++) {
    const group = unit / n;
    const from = partial + <usize>group * slices * sliceBytes + ((<usize>(unit - group * n) * columns) << 2);
    const to = gradWeight + ((<usize>unit * patch) << 2);
    let j: i32 = 0;
    for (; j + 4 <= patch; j += 4) {
      let at = from + (<usize>j << 2);
      let sum = v128.load(at);
      for (let s: i32 = 1; s < slices; s++) {
        at += sliceBytes;
        sum = f32x4.add(sum, v128.load(at));
      }
      v128.store(to + (<usize>j << 2), sum);
    }
    for (; j < patch; j++) {
      let at = from + (<usize>j << 2);
      let sum = load<f32>(at);
      for (let s: i32 = 1; s < slices; s++) {
        at += sliceBytes;
        sum += load<f32>(at);
      }
      store<f32>(to + (<usize>j << 2), sum);
    }
  }
}
