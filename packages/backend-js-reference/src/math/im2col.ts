import { type ConvGeometry, isPointwise } from '@octet/backend';
import type { FloatArray } from '../kernel';

/**
 * The patches under output positions `row0` to `row0 + count` of one group, minus `zeroPoint`: columns [count, patch],
 * a patch listing its elements as a weight row does. Padding is 0.
 */
export function im2col(
  x: FloatArray | Uint8Array,
  zeroPoint: number,
  g: ConvGeometry,
  group: number,
  row0: number,
  count: number,
  columns: Float64Array,
): void {
  if (isPointwise(g)) {
    const start = row0 * g.inChannels;
    const length = count * g.inChannels;
    if (zeroPoint === 0) columns.set(x.subarray(start, start + length));
    else for (let i = 0; i < length; i++) columns[i] = x[start + i] - zeroPoint;
    return;
  }
  const { inHeight, inWidth, inChannels, outHeight, outWidth, kernelHeight, kernelWidth, groupIn } = g;
  let to = 0;
  for (let row = row0; row < row0 + count; row++) {
    const ow = row % outWidth;
    const oh = ((row - ow) / outWidth) % outHeight;
    const n = Math.floor(row / (outWidth * outHeight));
    const h0 = oh * g.strideHeight - g.padHeight;
    const w0 = ow * g.strideWidth - g.padWidth;
    for (let kh = 0; kh < kernelHeight; kh++) {
      const h = h0 + kh * g.dilationHeight;
      const lineInside = h >= 0 && h < inHeight;
      const line = (n * inHeight + h) * inWidth;
      for (let kw = 0; kw < kernelWidth; kw++) {
        const w = w0 + kw * g.dilationWidth;
        const end = to + groupIn;
        if (lineInside && w >= 0 && w < inWidth) {
          let at = (line + w) * inChannels + group * groupIn;
          while (to < end) columns[to++] = x[at++] - zeroPoint;
        } else {
          while (to < end) columns[to++] = 0;
        }
      }
    }
  }
}

/** The reverse of `im2col`: adds every element of the columns to the element of `gradX` it was taken from. */
export function col2im(
  columns: Float64Array,
  g: ConvGeometry,
  group: number,
  row0: number,
  count: number,
  gradX: FloatArray,
): void {
  const { inHeight, inWidth, inChannels, outHeight, outWidth, kernelHeight, kernelWidth, groupIn } = g;
  let from = 0;
  for (let row = row0; row < row0 + count; row++) {
    const ow = row % outWidth;
    const oh = ((row - ow) / outWidth) % outHeight;
    const n = Math.floor(row / (outWidth * outHeight));
    const h0 = oh * g.strideHeight - g.padHeight;
    const w0 = ow * g.strideWidth - g.padWidth;
    for (let kh = 0; kh < kernelHeight; kh++) {
      const h = h0 + kh * g.dilationHeight;
      const lineInside = h >= 0 && h < inHeight;
      const line = (n * inHeight + h) * inWidth;
      for (let kw = 0; kw < kernelWidth; kw++) {
        const w = w0 + kw * g.dilationWidth;
        const end = from + groupIn;
        if (lineInside && w >= 0 && w < inWidth) {
          let at = (line + w) * inChannels + group * groupIn;
          while (from < end) gradX[at++] += columns[from++];
        } else {
          from = end;
        }
      }
    }
  }
}
