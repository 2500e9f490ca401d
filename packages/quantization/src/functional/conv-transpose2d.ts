import { checkOptions } from '@octet/backend';
import {
  type ConvTranspose1dOptions,
  type ConvTranspose2dOptions,
  convTransposeShape,
  type SpatialRank,
  type Tensor,
} from '@octet/tensor/functional';
import { int8Convolution } from './convolution';
import { CLAMP_OPTIONS, type OutputClamp, type OutputQparams } from './int8';
import type { PackedWeight } from './packed-weight';

/**
 * int8 transposed convolution: x [N,C,H,W] quint8, weight [C,O/groups,kh,kw] qint8 with one scale → [N,O,OH,OW] quint8, channels last.
 * acc = Σ (x - zx)(w - zw) + rint(bias · (1 / (sx·sw))) over what reaches an output; y as of quantizedConv2d. The weight is packed with
 * `transposed: groups`.
 */
export function quantizedConvTranspose2d(
  x: Tensor,
  packed: PackedWeight,
  options: ConvTranspose2dOptions & OutputQparams & OutputClamp,
): Tensor {
  return transposed('quantized.convTranspose2d', 2, x, packed, options);
}

/** The same of x [N,C,L] quint8 with weight [C,O/groups,k] qint8 → [N,O,OL] quint8. */
export function quantizedConvTranspose1d(
  x: Tensor,
  packed: PackedWeight,
  options: ConvTranspose1dOptions & OutputQparams & OutputClamp,
): Tensor {
  return transposed('quantized.convTranspose1d', 1, x, packed, options);
}

function transposed(
  op: string,
  rank: SpatialRank,
  x: Tensor,
  packed: PackedWeight,
  options: (ConvTranspose1dOptions | ConvTranspose2dOptions) & OutputQparams & OutputClamp,
): Tensor {
  checkOptions(op, options, `stride padding outputPadding dilation groups scale zeroPoint ${CLAMP_OPTIONS}`);
  return int8Convolution('qconvTranspose2d', op, rank, x, packed, options, () => {
    packed.requireTransposed(op, options.groups ?? 1);
    return convTransposeShape(op, rank, x, packed.weight, packed.bias, options);
  });
}
