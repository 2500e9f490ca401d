// int8 pooling, 16 channels at a time. Units are output rows.
import { storeBytes16, sumBytes, sumBytesOf4 } from './qlanes';
import { limit, limitMultiplier, limitOf, MAGIC, MAGIC_BITS } from './qrequantize';

// @ts-ignore: decorator
@inline
function max16(signed: bool, a: v128, b: v128): v128 {
  return signed ? i8x16.max_s(a, b) : i8x16.max_u(a, b);
}

/** The first tap of a window from `start` that lies in the image. */
// @ts-ignore: decorator
@inline
function firstTap(start: i32, dilation: i32): i32 {
  return start < 0 ? (dilation - 1 - start) / dilation : 0;
}

/** One past the last of `taps` that lies in an image of so many pixels. */
// @ts-ignore: decorator
@inline
function lastTap(start: i32, dilation: i32, pixels: i32, taps: i32): i32 {
  return min(taps, (pixels - start + dilation - 1) / dilation);
}

// @ts-ignore: decorator
@inline
function maxRows(
  signed: bool, x: usize, y: usize, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32,
  kernelHeight: i32, kernelWidth: i32, strideHeight: i32, strideWidth: i32, padHeight: i32, padWidth: i32,
  dilationHeight: i32, dilationWidth: i32, begin: i32, end: i32,
): void {
  const lowest = i8x16.splat(signed ? -128 : 0);
  const stepWidth = <usize>dilationWidth * channels;
  const stepHeight = <usize>dilationHeight * (width * channels);
  for (let unit = begin; unit < end; unit++) {
    const image = unit / outHeight;
    const top = (unit - image * outHeight) * strideHeight - padHeight;
    const h0 = firstTap(top, dilationHeight);
    const h1 = lastTap(top, dilationHeight, height, kernelHeight);
    const from = x + <usize>(image * height) * (width * channels) + (top + h0 * dilationHeight) * (width * channels);
    let to = y + <usize>unit * (outWidth * channels);
    for (let ow: i32 = 0; ow < outWidth; ow++, to += channels) {
      const left = ow * strideWidth - padWidth;
      const w0 = firstTap(left, dilationWidth);
      const w1 = lastTap(left, dilationWidth, width, kernelWidth);
      const corner = from + (left + w0 * dilationWidth) * channels;
      let c: i32 = 0;
      for (; c + 64 <= channels; c += 64) {
        let v0 = lowest, v1 = lowest, v2 = lowest, v3 = lowest;
        let line = corner + c;
        for (let h = h0; h < h1; h++, line += stepHeight) {
          let at = line;
          for (let w = w0; w < w1; w++, at += stepWidth) {
            v0 = max16(signed, v0, v128.load(at));
            v1 = max16(signed, v1, v128.load(at, 16));
            v2 = max16(signed, v2, v128.load(at, 32));
            v3 = max16(signed, v3, v128.load(at, 48));
          }
        }
        v128.store(to + c, v0);
        v128.store(to + c, v1, 16);
        v128.store(to + c, v2, 32);
        v128.store(to + c, v3, 48);
      }
      for (; c < channels; c += 16) {
        let v = lowest;
        let line = corner + c;
        for (let h = h0; h < h1; h++, line += stepHeight) {
          let at = line;
          for (let w = w0; w < w1; w++, at += stepWidth) v = max16(signed, v, v128.load(at));
        }
        storeBytes16(to + c, v, channels - c);
      }
    }
  }
}

/** x [batch, height, width, channels] uint8, or int8 where signed → y [batch, outHeight, outWidth, channels] */
export function qmaxPool(
  x: usize, y: usize, signed: bool, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32,
  kernelHeight: i32, kernelWidth: i32, strideHeight: i32, strideWidth: i32, padHeight: i32, padWidth: i32,
  dilationHeight: i32, dilationWidth: i32, begin: i32, end: i32, thread: i32,
): void {
  if (signed) {
    maxRows(true, x, y, height, width, channels, outHeight, outWidth, kernelHeight, kernelWidth,
      strideHeight, strideWidth, padHeight, padWidth, dilationHeight, dilationWidth, begin, end);
  } else {
    maxRows(false, x, y, height, width, channels, outHeight, outWidth, kernelHeight, kernelWidth,
      strideHeight, strideWidth, padHeight, padWidth, dilationHeight, dilationWidth, begin, end);
  }
}

/** rint(f32(f32(sum) · multiplier)) + zero point; a multiplier past the bytes' range is bounded first, so that the bytes are the same. */
// @ts-ignore: decorator
@inline
function average(sum: v128, multiplier: v128, most: v128, offset: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(limit(sum, most)), multiplier), f32x4.splat(MAGIC)), offset);
}

/** x [rows, n] uint8, or int8 where signed → y [rows], the averages as qavgPool makes them. Units are 16 rows. */
export function qavgRows(
  x: usize, y: usize, signed: bool, rows: i32, n: i32, zeroPoint: i32, scale: f32, yZeroPoint: i32, yScale: f32,
  begin: i32, end: i32, thread: i32,
): void {
  const flip = i8x16.splat(signed ? -128 : 0);
  const more = signed ? 128 : 0;
  const offset = i32x4.splat(MAGIC_BITS - (yZeroPoint + more));
  const base = i32x4.splat(-(zeroPoint + more) * n);
  const multiplier = limitMultiplier(f32x4.splat(scale / (yScale * <f32>n)));
  const most = limitOf(multiplier);
  for (let unit = begin; unit < end; unit++) {
    const first = unit << 4;
    const count = min(16, rows - first);
    let r = i8x16.splat(0);
    for (let i: i32 = 0; i < count; i += 4) {
      const at = x + <usize>(first + i) * n;
      // Of four rows, of the last one again where there are fewer.
      const b = i + 1 < count ? at + n : at;
      const c = i + 2 < count ? b + n : b;
      const sums = sumBytesOf4(at, b, c, i + 3 < count ? c + n : c, n, flip);
      const wide = i16x8.narrow_i32x4_s(average(i32x4.add(sums, base), multiplier, most, offset), i32x4.splat(0));
      // Four bytes more at the end, those before moved to the front.
      r = v128.shuffle<i32>(r, i8x16.narrow_i16x8_u(wide, wide), 1, 2, 3, 4);
    }
    for (let i = count; i <= 12; i += 4) r = v128.shuffle<i32>(r, r, 1, 2, 3, 0);
    storeBytes16(y + first, v128.xor(r, flip), count);
  }
}

/** Where window i of `out` begins, and where it ends: of `kernel` pixels, or, if that is 0, of as many as `out` windows are cut from. */
// @ts-ignore: decorator
@inline
function windowStart(i: i32, out: i32, pixels: i32, kernel: i32, stride: i32, pad: i32): i32 {
  return kernel == 0 ? <i32>(<i64>i * pixels / out) : i * stride - pad;
}

// @ts-ignore: decorator
@inline
function windowEnd(i: i32, out: i32, pixels: i32, kernel: i32, stride: i32, pad: i32): i32 {
  // A window that ceil mode lets hang over the padded edge is cut off there.
  return kernel == 0 ? <i32>((<i64>(i + 1) * pixels + out - 1) / out) : min(i * stride - pad + kernel, pixels + pad);
}

/**
 * x [batch, height, width, channels] uint8, or int8 where signed → y [batch, outHeight, outWidth, channels]: the averages under
 * windows, with the pixels of the padding where `includePad`. A kernel of 0: adaptive ones.
 */
export function qavgPool(
  x: usize, y: usize, signed: bool, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32,
  kernelHeight: i32, kernelWidth: i32, strideHeight: i32, strideWidth: i32, padHeight: i32, padWidth: i32, includePad: bool,
  zeroPoint: i32, scale: f32, yZeroPoint: i32, yScale: f32, begin: i32, end: i32, thread: i32,
): void {
  // Signed bytes are taken as unsigned ones that are 128 more.
  const flip = i8x16.splat(signed ? -128 : 0);
  const more = signed ? 128 : 0;
  const zero = zeroPoint + more;
  const offset = i32x4.splat(MAGIC_BITS - (yZeroPoint + more));
  const line = <usize>width * channels;
  let divisor: i32 = -1;
  let multiplier = f32x4.splat(0), most = i32x4.splat(0);
  for (let unit = begin; unit < end; unit++) {
    const image = unit / outHeight;
    const oh = unit - image * outHeight;
    const top = windowStart(oh, outHeight, height, kernelHeight, strideHeight, padHeight);
    const bottom = windowEnd(oh, outHeight, height, kernelHeight, strideHeight, padHeight);
    const h0 = max(top, 0);
    const h1 = min(bottom, height);
    let to = y + <usize>unit * (outWidth * channels);
    for (let ow: i32 = 0; ow < outWidth; ow++, to += channels) {
      const left = windowStart(ow, outWidth, width, kernelWidth, strideWidth, padWidth);
      const right = windowEnd(ow, outWidth, width, kernelWidth, strideWidth, padWidth);
      const w0 = max(left, 0);
      const w1 = min(right, width);
      const pixels = (h1 - h0) * (w1 - w0);
      const count = includePad ? (bottom - top) * (right - left) : pixels;
      if (count != divisor) {
        divisor = count;
        multiplier = limitMultiplier(f32x4.splat(scale / (yScale * <f32>count)));
        most = limitOf(multiplier);
      }
      const base = i32x4.splat(-zero * pixels);
      const corner = x + <usize>((image * height + h0) * width + w0) * channels;
      // 256 bytes fit an uint16: of so many rows at a time, or of a piece of one.
      const lines = pixels <= 256 ? h1 - h0 : max(1, 256 / (w1 - w0));
      for (let c: i32 = 0; c < channels; c += 16) {
        let s0 = base, s1 = base, s2 = base, s3 = base;
        if (channels == 1) {
          let sum: i32 = 0;
          let at = corner;
          for (let h = h0; h < h1; h++, at += width) sum += sumBytes(at, w1 - w0, flip);
          s0 = i32x4.add(s0, i32x4.splat(sum));
        } else {
          for (let h = h0; h < h1; h += lines) {
            const until = min(h1, h + lines);
            for (let first = w0; first < w1; first += 256) {
              const last = min(w1, first + 256);
              let low = i16x8.splat(0), high = low;
              let row = corner + c + <usize>((h - h0) * width + first - w0) * channels;
              for (let i = h; i < until; i++, row += line) {
                let at = row;
                for (let w = first; w < last; w++, at += channels) {
                  const v = v128.xor(v128.load(at), flip);
                  low = i16x8.add(low, i16x8.extend_low_i8x16_u(v));
                  high = i16x8.add(high, i16x8.extend_high_i8x16_u(v));
                }
              }
              s0 = i32x4.add(s0, i32x4.extend_low_i16x8_u(low));
              s1 = i32x4.add(s1, i32x4.extend_high_i16x8_u(low));
              s2 = i32x4.add(s2, i32x4.extend_low_i16x8_u(high));
              s3 = i32x4.add(s3, i32x4.extend_high_i16x8_u(high));
            }
          }
        }
        const r = i8x16.narrow_i16x8_u(
          i16x8.narrow_i32x4_s(average(s0, multiplier, most, offset), average(s1, multiplier, most, offset)),
          i16x8.narrow_i32x4_s(average(s2, multiplier, most, offset), average(s3, multiplier, most, offset)),
        );
        storeBytes16(to + c, v128.xor(r, flip), channels - c);
      }
    }
  }
}
