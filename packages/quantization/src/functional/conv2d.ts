import { type Conv2dOptions, conv2dShape, kernel, type Tensor } from '@octet/tensor';
import {
  type OutputQparams,
  outputQparams,
  outputRange,
  requantizeMultiplier,
  requireExactSums,
  requireQuint8,
  weightZeroPoints,
} from './int8';
import type { PackedWeight } from './packed-weight';

const { channelsLast, emptyChannelsLast, nhwc, run } = kernel;

/**
 * int8 convolution: x [N,C,H,W] quint8, weight [O,C/groups,kh,kw] qint8 → [N,O,OH,OW] quint8, channels last.
 * acc = Σ (x - zx)(w - zw) + rint(bias / (sx·sw)); y = clamp(rint(f32(acc) · f32(f32(sx·sw) / sy)) + zy); padding is zx.
 */
export function quantizedConv2d(
  x: Tensor,
  packed: PackedWeight,
  options: Conv2dOptions & OutputQparams & { relu?: boolean },
): Tensor {
  const op = 'quantized.conv2d';
  const { weight } = packed;
  const xq = requireQuint8(op, x);
  const { shape, attrs } = conv2dShape(op, x, weight, packed.bias, options);
  requireExactSums(op, weight);
  const yq = outputQparams(op, options);
  const xd = channelsLast(x);
  const y = emptyChannelsLast(x, shape, { qparams: yq });
  run(
    'qconv2d',
    { x: nhwc(xd), weight: nhwc(channelsLast(weight)), bias: packed.int32Bias(xq) },
    { y: nhwc(y) },
    {
      ...attrs,
      xZeroPoint: xq.zeroPoint,
      weightZeroPoint: weightZeroPoints(weight),
      multiplier: requantizeMultiplier(xq, weight, yq),
      yZeroPoint: yq.zeroPoint,
      ...outputRange(yq.zeroPoint, options.relu ?? false),
    },
    packed.cache,
  );
  return y;
}
