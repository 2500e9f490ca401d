import { convGeometry } from '@octet/backend';
import { bytes, floats, type RefKernel, size } from '../kernel';
import { convolve } from '../math/convolve';
import { dynamicRange, scaleTo } from '../math/dynamic';
import { centerWeights } from '../math/requantize';
import { scratch } from '../math/scratch';

/**
 * x [N,H,W,C] float32, weight [O,kh,kw,C/groups] int8, bias [O]? float32 → y [N,OH,OW,O] float32: x quantized by its own minimum and
 * maximum, then the convolution of the integers, in floats as qlinearDynamic gives them. Padding is the zero point.
 */
export const qconv2dDynamic: RefKernel<'qconv2dDynamic'> = (t, attrs) => {
  const g = convGeometry(t.x, t.weight, t.y, attrs);
  const x = floats(t.x);
  const count = size(t.x);
  const { scale, quantize } = dynamicRange(x, count, attrs.reduceRange);
  const image = scratch('qconv2dDynamic x', count);
  quantize(x, 0, count, image);
  const weight = scratch('qconv2dDynamic weight', g.outChannels * g.patchSize);
  centerWeights(bytes(t.weight) as Int8Array, attrs.weightZeroPoint, g.outChannels, g.patchSize, weight);
  const emit = scaleTo(floats(t.y), g.outChannels, t.bias && floats(t.bias), scale, attrs);
  convolve(image, 0, weight, g, emit);
};
