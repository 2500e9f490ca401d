import type { ConvGeometry } from '@octet/backend';
import type { FloatArray } from '../kernel';
import { scratch } from './scratch';

// Convolutions with one input and one output channel per group: nothing sums across channels, so channels are the inner
// loop. Images are widened to doubles first, which the loops below then meet as their only type.

/** A run of `taps` neighbours in one kernel row, from the first one's input position, output position and tap number. */
type Visit = (input: number, output: number, tap: number, taps: number) => void;

/** Calls `visit` for every run of taps that lie inside one image. */
function eachRun(g: ConvGeometry, visit: Visit): void {
  const { inHeight, inWidth, outHeight, outWidth, kernelHeight, kernelWidth, dilationWidth } = g;
  for (let oh = 0; oh < outHeight; oh++) {
    for (let kh = 0; kh < kernelHeight; kh++) {
      const h = oh * g.strideHeight - g.padHeight + kh * g.dilationHeight;
      if (h < 0 || h >= inHeight) continue;
      for (let ow = 0; ow < outWidth; ow++) {
        const w = ow * g.strideWidth - g.padWidth;
        const first = w < 0 ? Math.ceil(-w / dilationWidth) : 0;
        const end = Math.min(kernelWidth, Math.ceil((inWidth - w) / dilationWidth));
        if (first >= end) continue;
        const input = h * inWidth + w + first * dilationWidth;
        visit(input, oh * outWidth + ow, kh * kernelWidth + first, end - first);
      }
    }
  }
}

/** Weights [C, taps] as [taps, C]. */
function byTap(weight: FloatArray, g: ConvGeometry, to: Float64Array): void {
  const { inChannels: c, patchSize: taps } = g;
  for (let i = 0; i < c; i++) for (let t = 0; t < taps; t++) to[t * c + i] = weight[i * taps + t];
}

/** Σ (x - xZeroPoint) · weight, handed to `emit` image by image: sums [OH·OW, C] of the rows from `row0`. */
export function depthwise(
  x: FloatArray | Uint8Array,
  xZeroPoint: number,
  weight: Float64Array,
  g: ConvGeometry,
  emit: (sums: Float64Array, row0: number, count: number, channel0: number, channels: number) => void,
): void {
  const c = g.inChannels;
  const step = g.dilationWidth * c;
  const inSize = g.inHeight * g.inWidth * c;
  const positions = g.outHeight * g.outWidth;
  const image = scratch('depthwise x', inSize);
  const taps = scratch('depthwise weight', g.patchSize * c);
  const sums = scratch('depthwise sums', positions * c);
  byTap(weight, g, taps);
  for (let n = 0; n < g.batch; n++) {
    image.set(x.subarray(n * inSize, (n + 1) * inSize));
    if (xZeroPoint !== 0) for (let i = 0; i < inSize; i++) image[i] -= xZeroPoint;
    sums.fill(0, 0, positions * c);
    eachRun(g, (input, output, tap, run) => {
      let x0 = input * c;
      let w0 = tap * c;
      const to = output * c;
      // Three at a time share one load and store of the sum.
      for (; run >= 3; run -= 3) {
        const x1 = x0 + step;
        const x2 = x1 + step;
        const w1 = w0 + c;
        const w2 = w1 + c;
        for (let i = 0; i < c; i++) {
          sums[to + i] +=
            image[x0 + i] * taps[w0 + i] + image[x1 + i] * taps[w1 + i] + image[x2 + i] * taps[w2 + i];
        }
        x0 = x2 + step;
        w0 = w2 + c;
      }
      for (; run > 0; run--) {
        for (let i = 0; i < c; i++) sums[to + i] += image[x0 + i] * taps[w0 + i];
        x0 += step;
        w0 += c;
      }
    });
    emit(sums, n * positions, positions, 0, c);
  }
}

/** gradX: each tap sends gradY · weight back. */
export function depthwiseBackwardInput(
  gradY: FloatArray,
  weight: FloatArray,
  g: ConvGeometry,
  gradX: FloatArray,
): void {
  const c = g.inChannels;
  const step = g.dilationWidth * c;
  const inSize = g.inHeight * g.inWidth * c;
  const outSize = g.outHeight * g.outWidth * c;
  const upstream = scratch('depthwiseBackwardInput gradY', outSize);
  const taps = scratch('depthwiseBackwardInput weight', g.patchSize * c);
  const sums = scratch('depthwiseBackwardInput sums', inSize);
  byTap(weight, g, taps);
  for (let n = 0; n < g.batch; n++) {
    upstream.set(gradY.subarray(n * outSize, (n + 1) * outSize));
    sums.fill(0, 0, inSize);
    eachRun(g, (input, output, tap, run) => {
      let to = input * c;
      let w = tap * c;
      const from = output * c;
      for (; run > 0; run--) {
        for (let i = 0; i < c; i++) sums[to + i] += upstream[from + i] * taps[w + i];
        to += step;
        w += c;
      }
    });
    gradX.set(sums.subarray(0, inSize), n * inSize);
  }
}

/** gradWeight: per tap and channel, Σ x · gradY over every position. */
export function depthwiseBackwardWeight(
  x: FloatArray,
  gradY: FloatArray,
  g: ConvGeometry,
  gradWeight: FloatArray,
): void {
  const c = g.inChannels;
  const step = g.dilationWidth * c;
  const inSize = g.inHeight * g.inWidth * c;
  const outSize = g.outHeight * g.outWidth * c;
  const image = scratch('depthwiseBackwardWeight x', inSize);
  const upstream = scratch('depthwiseBackwardWeight gradY', outSize);
  const sums = scratch('depthwiseBackwardWeight sums', g.patchSize * c).fill(0, 0, g.patchSize * c);
  for (let n = 0; n < g.batch; n++) {
    image.set(x.subarray(n * inSize, (n + 1) * inSize));
    upstream.set(gradY.subarray(n * outSize, (n + 1) * outSize));
    eachRun(g, (input, output, tap, run) => {
      let from = input * c;
      let to = tap * c;
      const up = output * c;
      for (; run > 0; run--) {
        for (let i = 0; i < c; i++) sums[to + i] += image[from + i] * upstream[up + i];
        from += step;
        to += c;
      }
    });
  }
  for (let i = 0; i < c; i++) {
    for (let t = 0; t < g.patchSize; t++) gradWeight[i * g.patchSize + t] = sums[t * c + i];
  }
}
