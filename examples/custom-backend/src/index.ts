/**
 * A backend of one's own in one file: the reference with another int8 convolution.
 *
 * This one computes each output pixel directly, without im2col: for every tap of the window it adds one row of products
 * to all output channels at once. Weights are packed so that these lie side by side.
 */
import { extendBackend, type KernelTable, type PrepackingKernel, roundHalfEven } from '@octet/backend';
import { type HostBuffer, referenceBackend } from '@octet/backend-js-reference';

/** Weights minus their zero point, [group][tap][input channel][output channel of the group]. */
type Packed = Int16Array;

const qconv2d: PrepackingKernel<KernelTable['qconv2d'], HostBuffer, Packed> = {
  prepack({ weight }, { groups, weightZeroPoint }) {
    const [outputs, rows, columns, inputs] = weight.shape;
    const taps = rows * columns * inputs;
    const perGroup = outputs / groups;
    const packed = new Int16Array(outputs * taps);
    for (let o = 0; o < outputs; o++) {
      const zero = weightZeroPoint[weightZeroPoint.length > 1 ? o : 0];
      const start = Math.floor(o / perGroup) * perGroup * taps + (o % perGroup);
      for (let t = 0; t < taps; t++) packed[start + t * perGroup] = weight.buffer.data[o * taps + t] - zero;
    }
    return packed;
  },

  run({ x, weight, bias, y }, attrs, packed) {
    const { stride, padding, dilation, groups, xZeroPoint, multiplier, yZeroPoint, clampMin, clampMax } =
      attrs;
    const [images, height, width, channels] = x.shape;
    const [outputs, rows, columns, inputs] = weight.shape;
    const [, outHeight, outWidth] = y.shape;
    const perGroup = outputs / groups;
    const [xs, ys, biases] = [x.buffer.data, y.buffer.data, bias?.buffer.data];
    const sums = new Int32Array(perGroup);
    let at = 0;
    for (let n = 0; n < images; n++) {
      for (let oy = 0; oy < outHeight; oy++) {
        for (let ox = 0; ox < outWidth; ox++) {
          for (let g = 0; g < groups; g++) {
            for (let o = 0; o < perGroup; o++) sums[o] = biases ? biases[g * perGroup + o] : 0;
            for (let ky = 0; ky < rows; ky++) {
              const iy = oy * stride[0] - padding[0] + ky * dilation[0];
              // Padding is the zero point: it adds nothing.
              if (iy < 0 || iy >= height) continue;
              for (let kx = 0; kx < columns; kx++) {
                const ix = ox * stride[1] - padding[1] + kx * dilation[1];
                if (ix < 0 || ix >= width) continue;
                const pixel = ((n * height + iy) * width + ix) * channels + g * inputs;
                const tap = ((g * rows + ky) * columns + kx) * inputs;
                for (let c = 0; c < inputs; c++) {
                  const value = xs[pixel + c] - xZeroPoint;
                  const row = (tap + c) * perGroup;
                  for (let o = 0; o < perGroup; o++) sums[o] += value * packed[row + o];
                }
              }
            }
            for (let o = 0; o < perGroup; o++) {
              const scale = multiplier[multiplier.length > 1 ? g * perGroup + o : 0];
              const q = roundHalfEven(Math.fround(Math.fround(sums[o]) * scale)) + yZeroPoint;
              ys[at++] = Math.min(Math.max(q, clampMin), clampMax);
            }
          }
        }
      }
    }
  },
};

export const directBackend = extendBackend(referenceBackend, { name: 'direct', kernels: { qconv2d } });
