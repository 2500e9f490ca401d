import { checkOptions } from '@octet/backend';
import {
  asImage,
  type Conv1dOptions,
  type Conv2dOptions,
  convShape,
  fromImage,
  kernel,
  padInput,
  type SpatialRank,
  type Tensor,
  tidy,
} from '@octet/tensor/functional';
import {
  CLAMP_OPTIONS,
  clampOf,
  type OutputClamp,
  type OutputQparams,
  outputQparams,
  requireQuint8,
} from './int8';
import type { PackedWeight } from './packed-weight';

const { channelsLast, emptyChannelsLast, nhwc, run } = kernel;

/**
 * int8 convolution: x [N,C,H,W] quint8, weight [O,C/groups,kh,kw] qint8 → [N,O,OH,OW] quint8, channels last.
 * acc = Σ (x - zx)(w - zw) + rint(bias · (1 / (sx·sw))); y = clamp(rint(f32(acc) · f32(f32(sx·sw) · f32(1 / sy))) + zy); padding by zeros is zx.
 */
export function quantizedConv2d(
  x: Tensor,
  packed: PackedWeight,
  options: Conv2dOptions & OutputQparams & OutputClamp,
): Tensor {
  return quantizedConv('quantized.conv2d', 2, x, packed, options);
}

/** int8 convolution of x [N,C,L] quint8 with weight [O,C/groups,k] qint8 → [N,O,OL] quint8: the formula of `quantizedConv2d`. */
export function quantizedConv1d(
  x: Tensor,
  packed: PackedWeight,
  options: Conv1dOptions & OutputQparams & OutputClamp,
): Tensor {
  return quantizedConv('quantized.conv1d', 1, x, packed, options);
}

function quantizedConv(
  op: string,
  rank: SpatialRank,
  x: Tensor,
  packed: PackedWeight,
  options: (Conv1dOptions | Conv2dOptions) & OutputQparams & OutputClamp,
): Tensor {
  checkOptions(op, options, `stride padding paddingMode dilation groups scale zeroPoint ${CLAMP_OPTIONS}`);
  const clamp = clampOf(op, options);
  const { weight } = packed;
  const xq = requireQuint8(op, x);
  const yq = outputQparams(op, options);
  return tidy(() => {
    const padded = padInput(op, rank, x, weight, options);
    const { image, attrs } = convShape(op, rank, padded.x, weight, packed.bias, padded.options);
    const { weight: operand, bias, attrs: requantize } = packed.callFor(xq, yq, clamp);
    const y = emptyChannelsLast(x, image, { qparams: yq });
    run(
      'qconv2d',
      { x: nhwc(channelsLast(asImage(padded.x))), weight: operand, bias },
      { y: nhwc(y) },
      { ...attrs, ...requantize },
      packed.cache,
    );
    return fromImage(y, rank);
  });
}
