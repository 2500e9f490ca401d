import { checkOptions } from '@octet/backend';
import { type Conv2dOptions, conv2dShape, kernel, type Tensor, tidy } from '@octet/tensor/functional';
import { type OutputQparams, outputQparams, requireQuint8 } from './int8';
import type { PackedWeight } from './packed-weight';

const { channelsLast, emptyChannelsLast, nhwc, run } = kernel;

/**
 * int8 convolution: x [N,C,H,W] quint8, weight [O,C/groups,kh,kw] qint8 → [N,O,OH,OW] quint8, channels last.
 * acc = Σ (x - zx)(w - zw) + rint(bias · (1 / (sx·sw))); y = clamp(rint(f32(acc) · f32(f32(sx·sw) · f32(1 / sy))) + zy); padding is zx.
 */
export function quantizedConv2d(
  x: Tensor,
  packed: PackedWeight,
  options: Conv2dOptions & OutputQparams & { relu?: boolean },
): Tensor {
  const op = 'quantized.conv2d';
  checkOptions(op, options, 'stride padding dilation groups scale zeroPoint relu');
  const { weight } = packed;
  const xq = requireQuint8(op, x);
  const { shape, attrs } = conv2dShape(op, x, weight, packed.bias, options);
  const yq = outputQparams(op, options);
  const { weight: operand, bias, attrs: requantize } = packed.callFor(xq, yq, options.relu ?? false);
  return tidy(() => {
    const y = emptyChannelsLast(x, shape, { qparams: yq });
    run(
      'qconv2d',
      { x: nhwc(channelsLast(x)), weight: operand, bias },
      { y: nhwc(y) },
      { ...attrs, ...requantize },
      packed.cache,
    );
    return y;
  });
}
