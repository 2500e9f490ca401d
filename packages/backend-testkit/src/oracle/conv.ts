import type { Conv2dAttrs } from '@octet/backend';
import { size } from './array';
import type { Definitions } from './definition';
import { clamped, dynamicIntegers, ofChannel, requantized, scaled } from './rounding';

/** The shapes and windows of a convolution. */
export interface ConvGeometry {
  readonly x: readonly number[];
  readonly weight: readonly number[];
  readonly y: readonly number[];
  readonly attrs: Conv2dAttrs;
}

/** Every pair of an output and a weight, with the input between them (undefined: padding), and the output's channel. */
export function eachProduct(
  { x, weight, y, attrs }: ConvGeometry,
  visit: (xAt: number | undefined, weightAt: number, yAt: number, channel: number) => void,
): void {
  const [batch, height, width, channels] = x;
  const [outChannels, kernelHeight, kernelWidth, groupChannels] = weight;
  const [, outHeight, outWidth] = y;
  const { stride, padding, dilation, groups } = attrs;
  for (let n = 0; n < batch; n++) {
    for (let oh = 0; oh < outHeight; oh++) {
      for (let ow = 0; ow < outWidth; ow++) {
        for (let o = 0; o < outChannels; o++) {
          const group = Math.floor(o / (outChannels / groups));
          for (let kh = 0; kh < kernelHeight; kh++) {
            for (let kw = 0; kw < kernelWidth; kw++) {
              for (let c = 0; c < groupChannels; c++) {
                const h = oh * stride[0] - padding[0] + kh * dilation[0];
                const w = ow * stride[1] - padding[1] + kw * dilation[1];
                const inside = h >= 0 && h < height && w >= 0 && w < width;
                visit(
                  inside ? ((n * height + h) * width + w) * channels + group * groupChannels + c : undefined,
                  ((o * kernelHeight + kh) * kernelWidth + kw) * groupChannels + c,
                  ((n * outHeight + oh) * outWidth + ow) * outChannels + o,
                  o,
                );
              }
            }
          }
        }
      }
    }
  }
}

export const convDefinitions: Definitions<
  | 'conv2d'
  | 'conv2dBackwardInput'
  | 'conv2dBackwardWeight'
  | 'convTranspose2d'
  | 'qconv2d'
  | 'qconv2dDynamic'
  | 'qconvTranspose2d'
> = {
  conv2d({ x, weight, bias, y }, attrs) {
    const channels = weight.shape[0];
    const sums = Array.from({ length: size(y.shape) }, (_, i) => bias?.buffer.data[i % channels] ?? 0);
    eachProduct({ x: x.shape, weight: weight.shape, y: y.shape, attrs }, (xAt, weightAt, yAt) => {
      if (xAt !== undefined) sums[yAt] += x.buffer.data[xAt] * weight.buffer.data[weightAt];
    });
    y.buffer.data.set(sums.map((sum) => clamped(sum, attrs.clamp)));
  },

  conv2dBackwardInput({ gradY, weight, gradX }, attrs) {
    const sums = new Array<number>(size(gradX.shape)).fill(0);
    eachProduct({ x: gradX.shape, weight: weight.shape, y: gradY.shape, attrs }, (xAt, weightAt, yAt) => {
      if (xAt !== undefined) sums[xAt] += gradY.buffer.data[yAt] * weight.buffer.data[weightAt];
    });
    gradX.buffer.data.set(sums);
  },

  conv2dBackwardWeight({ x, gradY, gradWeight }, attrs) {
    const sums = new Array<number>(size(gradWeight.shape)).fill(0);
    eachProduct({ x: x.shape, weight: gradWeight.shape, y: gradY.shape, attrs }, (xAt, weightAt, yAt) => {
      if (xAt !== undefined) sums[weightAt] += gradY.buffer.data[yAt] * x.buffer.data[xAt];
    });
    gradWeight.buffer.data.set(sums);
  },

  qconv2d({ x, weight, bias, y }, attrs) {
    const channels = weight.shape[0];
    const sums = Array.from({ length: size(y.shape) }, (_, i) => bias?.buffer.data[i % channels] ?? 0);
    eachProduct({ x: x.shape, weight: weight.shape, y: y.shape, attrs }, (xAt, weightAt, yAt, c) => {
      // Padding is the zero point itself.
      const value = xAt === undefined ? attrs.xZeroPoint : x.buffer.data[xAt];
      sums[yAt] +=
        (value - attrs.xZeroPoint) * (weight.buffer.data[weightAt] - ofChannel(attrs.weightZeroPoint, c));
    });
    y.buffer.data.set(sums.map((sum, i) => requantized(sum, i % channels, attrs)));
  },

  qconv2dDynamic({ x, weight, bias, y }, attrs) {
    const channels = weight.shape[0];
    const { scale, zeroPoint, integers } = dynamicIntegers(x.buffer.data, attrs.reduceRange);
    const sums = Array.from({ length: size(y.shape) }, () => 0);
    eachProduct({ x: x.shape, weight: weight.shape, y: y.shape, attrs }, (xAt, weightAt, yAt, c) => {
      const value = xAt === undefined ? zeroPoint : integers[xAt];
      sums[yAt] += (value - zeroPoint) * (weight.buffer.data[weightAt] - ofChannel(attrs.weightZeroPoint, c));
    });
    const multiplier = (c: number) => scale * ofChannel(attrs.weightScale, c);
    y.buffer.data.set(
      sums.map((sum, i) => scaled(sum, multiplier(i % channels), bias?.buffer.data[i % channels])),
    );
  },

  convTranspose2d({ x, weight, bias, y }, attrs) {
    const channels = y.shape[3];
    const sums = Array.from({ length: size(y.shape) }, (_, i) => bias?.buffer.data[i % channels] ?? 0);
    eachProduct({ x: y.shape, weight: weight.shape, y: x.shape, attrs }, (yAt, weightAt, xAt) => {
      if (yAt !== undefined) sums[yAt] += x.buffer.data[xAt] * weight.buffer.data[weightAt];
    });
    y.buffer.data.set(sums);
  },

  qconvTranspose2d({ x, weight, bias, y }, attrs) {
    const channels = y.shape[3];
    const sums = Array.from({ length: size(y.shape) }, (_, i) => bias?.buffer.data[i % channels] ?? 0);
    eachProduct({ x: y.shape, weight: weight.shape, y: x.shape, attrs }, (yAt, weightAt, xAt) => {
      if (yAt === undefined) return;
      const zero = ofChannel(attrs.weightZeroPoint, yAt % channels);
      sums[yAt] += (x.buffer.data[xAt] - attrs.xZeroPoint) * (weight.buffer.data[weightAt] - zero);
    });
    y.buffer.data.set(sums.map((sum, i) => requantized(sum, i % channels, attrs)));
  },
};
