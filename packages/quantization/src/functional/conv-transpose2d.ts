import { checkOptions } from '@octet/backend';
import {
  asImage,
  type ConvTranspose1dOptions,
  type ConvTranspose2dOptions,
  convTransposeShape,
  fromImage,
  kernel,
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
  const clamp = clampOf(op, options);
  const { groups = 1 } = options;
  const xq = requireQuint8(op, x);
  packed.requireTransposed(op, groups);
  const { image, attrs } = convTransposeShape(op, rank, x, packed.weight, packed.bias, options);
  const yq = outputQparams(op, options);
  const { weight, bias, attrs: requantize } = packed.callFor(xq, yq, clamp);
  return tidy(() => {
    const y = emptyChannelsLast(x, image, { qparams: yq });
    run(
      'qconvTranspose2d',
      { x: nhwc(channelsLast(asImage(x))), weight, bias },
      { y: nhwc(y) },
      { ...attrs, ...requantize },
      packed.cache,
    );
    return fromImage(y, rank);
  });
}
