import { bytes, ints, type RefKernel, size } from '../kernel';
import { requantizeTo } from '../math/requantize';
import { scratch } from '../math/scratch';

/**
 * x [N,H,W,C] uint8, weight [C,kh,kw,O/groups] int8, bias [O]? int32 → y [N,OH,OW,O] uint8: every element of x sends
 * (x - xZeroPoint)(weight - weightZeroPoint) to what it reaches of y; the sums are requantized as those of qconv2d.
 */
export const qconvTranspose2d: RefKernel<'qconvTranspose2d'> = ({ x, weight, bias, y }, attrs) => {
  const { stride, padding, dilation, groups, xZeroPoint, weightZeroPoint } = attrs;
  const [batch, height, width, channels] = x.shape;
  const [, kernelHeight, kernelWidth, groupOut] = weight.shape;
  const [, outHeight, outWidth, outputs] = y.shape;
  const [from, weights] = [bytes(x), bytes(weight)];
  const sums = scratch('qconvTranspose2d sums', size(y));
  sums.fill(0, 0, size(y));
  for (let position = 0; position < batch * height * width; position++) {
    const n = Math.floor(position / (height * width));
    const h = Math.floor(position / width) % height;
    const w = position % width;
    for (let kh = 0; kh < kernelHeight; kh++) {
      const oh = h * stride[0] - padding[0] + kh * dilation[0];
      if (oh < 0 || oh >= outHeight) continue;
      for (let kw = 0; kw < kernelWidth; kw++) {
        const ow = w * stride[1] - padding[1] + kw * dilation[1];
        if (ow < 0 || ow >= outWidth) continue;
        const to = ((n * outHeight + oh) * outWidth + ow) * outputs;
        for (let c = 0; c < channels; c++) {
          const value = from[position * channels + c] - xZeroPoint;
          const first = Math.floor(c / (channels / groups)) * groupOut;
          const row = ((c * kernelHeight + kh) * kernelWidth + kw) * groupOut;
          for (let o = 0; o < groupOut; o++) {
            const zero = weightZeroPoint[weightZeroPoint.length > 1 ? first + o : 0];
            sums[to + first + o] += value * (weights[row + o] - zero);
          }
        }
      }
    }
  }
  const emit = requantizeTo(bytes(y) as Uint8Array, outputs, bias && ints(bias), attrs);
  emit(sums, 0, size(y) / outputs, 0, outputs);
};
