import { checkOptions } from '@octet/backend';
import {
  type Conv1dOptions,
  type Conv2dOptions,
  convShape,
  padInput,
  type SpatialRank,
  type Tensor,
  tidy,
} from '@octet/tensor/functional';
import { int8Convolution } from './convolution';
import { CLAMP_OPTIONS, type OutputClamp, type OutputQparams } from './int8';
import type { PackedWeight } from './packed-weight';

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
  return tidy(() => {
    const padded = padInput(op, rank, x, packed.weight, options);
    return int8Convolution('qconv2d', op, rank, padded.x, packed, options, () =>
      convShape(op, rank, padded.x, packed.weight, packed.bias, padded.options),
    );
  });
}
