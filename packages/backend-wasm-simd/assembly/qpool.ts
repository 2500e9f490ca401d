// int8 pooling, 16 channels at a time. Units are output rows.
import { MAGIC_BITS } from './constants';
import { storeBytes16 } from './qlanes';
import { MAGIC } from './qrequantize';

// @ts-ignore: decorator
@inline
function maxRows(
  signed: bool, x: usize, y: usize, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32,
  kernelHeight: i32, kernelWidth: i32, strideHeight: i32, strideWidth: i32, padHeight: i32, padWidth: i32,
  dilationHeight: i32, dilationWidth: i32, begin: i32, end: i32,
): void {
  const lowest = i8x16.splat(signed ? -128 : 0);
  for (let unit = begin; unit < end; unit++) {
    const image = unit / outHeight;
    const top = (unit - image * outHeight) * strideHeight - padHeight;
    const from = x + <usize>(image * height) * (width * channels);
    let to = y + <usize>unit * (outWidth * channels);
    for (let ow: i32 = 0; ow < outWidth; ow++, to += channels) {
      const left = ow * strideWidth - padWidth;
      for (let c: i32 = 0; c < channels; c += 16) {
        let v = lowest;
        for (let kh: i32 = 0; kh < kernelHeight; kh++) {
          const h = top + kh * dilationHeight;
          if (h < 0 || h >= height) continue;
          const line = from + <usize>(h * width) * channels + c;
          for (let kw: i32 = 0; kw < kernelWidth; kw++) {
            const w = left + kw * dilationWidth;
            if (w < 0 || w >= width) continue;
            const u = v128.load(line + <usize>w * channels);
            v = signed ? i8x16.max_s(v, u) : i8x16.max_u(v, u);
          }
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

/** rint(f32(f32(sum) · multiplier)) + zero */
// @ts-ignore: decorator
@inline
function average(sum: v128, multiplier: v128, offset: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(sum), multiplier), f32x4.splat(MAGIC)), offset);
}

/**
 * x [batch, height, width, channels] uint8, or int8 where signed → y [batch, outHeight, outWidth, channels]: the
 * averages under windows, which rows [outHeight] and columns [outWidth] list as (start, end, divisor).
 */
export function qavgPool(
  x: usize, y: usize, signed: bool, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32,
  rows: usize, columns: usize, zeroPoint: i32, scale: f32, begin: i32, end: i32, thread: i32,
): void {
  // Signed bytes are taken as unsigned ones that are 128 more.
  const flip = i8x16.splat(signed ? -128 : 0);
  const zero = zeroPoint + (signed ? 128 : 0);
  const offset = i32x4.splat(MAGIC_BITS - zero);
  for (let unit = begin; unit < end; unit++) {
    const image = unit / outHeight;
    const window = rows + <usize>(unit - image * outHeight) * 12;
    const h0 = load<i32>(window);
    const h1 = load<i32>(window, 4);
    let to = y + <usize>unit * (outWidth * channels);
    for (let ow: i32 = 0; ow < outWidth; ow++, to += channels) {
      const across = columns + <usize>ow * 12;
      const w0 = load<i32>(across);
      const w1 = load<i32>(across, 4);
      const count = load<i32>(window, 8) * load<i32>(across, 8);
      const multiplier = f32x4.splat(scale / (scale * <f32>count));
      const pixels = (h1 - h0) * (w1 - w0);
      const base = i32x4.splat(-zero * pixels);
      for (let c: i32 = 0; c < channels; c += 16) {
        let s0 = base, s1 = base, s2 = base, s3 = base;
        for (let h = h0; h < h1; h++) {
          let at = x + <usize>((image * height + h) * width + w0) * channels + c;
          // 256 bytes fit an uint16.
          for (let w = w0; w < w1; ) {
            let low = i16x8.splat(0);
            let high = low;
            for (const stop = min(w1, w + 256); w < stop; w++, at += channels) {
              const v = v128.xor(v128.load(at), flip);
              low = i16x8.add(low, i16x8.extend_low_i8x16_u(v));
              high = i16x8.add(high, i16x8.extend_high_i8x16_u(v));
            }
            s0 = i32x4.add(s0, i32x4.extend_low_i16x8_u(low));
            s1 = i32x4.add(s1, i32x4.extend_high_i16x8_u(low));
            s2 = i32x4.add(s2, i32x4.extend_low_i16x8_u(high));
            s3 = i32x4.add(s3, i32x4.extend_high_i16x8_u(high));
          }
        }
        const r = i8x16.narrow_i16x8_u(
          i16x8.narrow_i32x4_s(average(s0, multiplier, offset), average(s1, multiplier, offset)),
          i16x8.narrow_i32x4_s(average(s2, multiplier, offset), average(s3, multiplier, offset)),
        );
        storeBytes16(to + c, v128.xor(r, flip), channels - c);
      }
    }
  }
}
