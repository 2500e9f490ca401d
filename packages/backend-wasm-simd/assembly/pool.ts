// Pooling of NHWC images. Units are output rows, or for gradients images: windows overlap.
import { storeLanes32 } from './lanes';

/** y = the maximum under each window (NaN wins), indices h · width + w of it, the first of equals. */
export function maxPool(
  x: usize, y: usize, indices: usize, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32,
  kernelHeight: i32, kernelWidth: i32, strideH: i32, strideW: i32, padH: i32, padW: i32, dilationH: i32, dilationW: i32,
  begin: i32, end: i32, thread: i32,
): void {
  const pixel = <usize>channels << 2;
  for (let unit = begin; unit < end; unit++) {
    const n = unit / outHeight;
    const h0 = (unit - n * outHeight) * strideH - padH;
    const image = x + <usize>n * height * width * pixel;
    for (let ow: i32 = 0; ow < outWidth; ow++) {
      const w0 = ow * strideW - padW;
      const to = <usize>(unit * outWidth + ow) * pixel;
      for (let c: i32 = 0; c < channels; c += 4) {
        const at = <usize>c << 2;
        let best = f32x4.splat(0);
        let index = i32x4.splat(0);
        // Everything is better than nothing.
        let none = i32x4.splat(-1);
        for (let kh: i32 = 0, h = h0; kh < kernelHeight; kh++, h += dilationH) {
          if (h < 0 || h >= height) continue;
          for (let kw: i32 = 0, w = w0; kw < kernelWidth; kw++, w += dilationW) {
            if (w < 0 || w >= width) continue;
            const position = h * width + w;
            const v = v128.load(image + <usize>position * pixel + at);
            const better = v128.or(none, v128.or(f32x4.gt(v, best), f32x4.ne(v, v)));
            best = v128.bitselect(v, best, better);
            index = v128.bitselect(i32x4.splat(position), index, better);
            none = i32x4.splat(0);
          }
        }
        storeLanes32(y + to + at, best, channels - c);
        storeLanes32(indices + to + at, index, channels - c);
      }
    }
  }
}

/** gradX: every gradY goes to the element its index names. Units are images. */
export function maxPoolBackward(
  gradY: usize, indices: usize, gradX: usize, positions: i32, outPositions: i32, channels: i32,
  begin: i32, end: i32, thread: i32,
): void {
  const pixel = <usize>channels << 2;
  for (let n = begin; n < end; n++) {
    const image = gradX + <usize>n * positions * pixel;
    memory.fill(image, 0, <usize>positions * pixel);
    let from = <usize>n * outPositions * pixel;
    for (let p: i32 = 0; p < outPositions; p++) {
      for (let at: usize = 0; at < pixel; at += 4, from += 4) {
        const to = image + <usize>load<i32>(indices + from) * pixel + at;
        store<f32>(to, load<f32>(to) + load<f32>(gradY + from));
      }
    }
  }
}

/**
 * y = sum / divisor under each window. rows [outHeight] and columns [outWidth] hold start, end and count (int32) of the
 * windows; a divisor is the product of two counts.
 */
export function averagePool(
  x: usize, y: usize, rows: usize, columns: usize, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32,
  begin: i32, end: i32, thread: i32,
): void {
  const pixel = <usize>channels << 2;
  for (let unit = begin; unit < end; unit++) {
    const n = unit / outHeight;
    const row = rows + <usize>(unit - n * outHeight) * 12;
    const image = x + <usize>n * height * width * pixel;
    for (let ow: i32 = 0; ow < outWidth; ow++) {
      const column = columns + <usize>ow * 12;
      const first = load<i32>(column);
      const count = load<i32>(column, 4) - first;
      const divisor = f32x4.splat(<f32>(load<i32>(row, 8) * load<i32>(column, 8)));
      const to = y + <usize>(unit * outWidth + ow) * pixel;
      for (let c: i32 = 0; c < channels; c += 4) {
        let sum = f32x4.splat(0);
        for (let h = load<i32>(row); h < load<i32>(row, 4); h++) {
          let at = image + <usize>(h * width + first) * pixel + (<usize>c << 2);
          for (let w: i32 = 0; w < count; w++, at += pixel) sum = f32x4.add(sum, v128.load(at));
        }
        storeLanes32(to + (<usize>c << 2), f32x4.div(sum, divisor), channels - c);
      }
    }
  }
}

/** gradX: every gradY is shared evenly among the elements of its window. Units are images. */
export function averagePoolBackward(
  gradY: usize, gradX: usize, rows: usize, columns: usize, height: i32, width: i32, channels: i32, outHeight: i32,
  outWidth: i32, begin: i32, end: i32, thread: i32,
): void {
  const pixel = <usize>channels << 2;
  for (let n = begin; n < end; n++) {
    const image = gradX + <usize>n * height * width * pixel;
    memory.fill(image, 0, <usize>height * width * pixel);
    let from = gradY + <usize>n * outHeight * outWidth * pixel;
    for (let oh: i32 = 0; oh < outHeight; oh++) {
      const row = rows + <usize>oh * 12;
      for (let ow: i32 = 0; ow < outWidth; ow++, from += pixel) {
        const column = columns + <usize>ow * 12;
        const share = f32x4.splat(1 / <f32>(load<i32>(row, 8) * load<i32>(column, 8)));
        for (let h = load<i32>(row); h < load<i32>(row, 4); h++) {
          for (let w = load<i32>(column); w < load<i32>(column, 4); w++) {
            const to = image + <usize>(h * width + w) * pixel;
            for (let c: i32 = 0; c < channels; c += 4) {
              const at = <usize>c << 2;
              const v = f32x4.add(v128.load(to + at), f32x4.mul(v128.load(from + at), share));
              storeLanes32(to + at, v, channels - c);
            }
          }
        }
      }
    }
  }
}
