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
import { type DynamicOptions, requireFloat32 } from './linear';
import type { PackedWeight } from './packed-weight';

const { channelsLast, contiguous, emptyChannelsLast, nhwc, run } = kernel;

/**
 * Dynamic convolution: x [N, C, H, W] float32, or [N, C, L] if `rank` is 1, is quantized to 0..255 (`reduceRange`: 0..127) by its own
 * minimum and maximum at every call, convolved with the int8 weight [O, C / groups, …] and returned as float32, channels last:
 * y = f32(acc) · f32(sx·sw) + bias; padding by zeros is zx. Inference only.
 * @throws ShapeError, ArgumentError, and DTypeError unless x is float32
 */
export function dynamicConv(
  op: string,
  rank: SpatialRank,
  x: Tensor,
  packed: PackedWeight,
  { reduceRange = false, ...given }: (Conv1dOptions | Conv2dOptions) & DynamicOptions,
): Tensor {
  requireFloat32(op, x);
  return tidy(() => {
    const { weight, bias } = packed;
    const { x: padded, options } = padInput(op, rank, x, weight, given);
    const { image, attrs } = convShape(op, rank, padded, weight, bias, options);
    const y = emptyChannelsLast(x, image);
    run(
      'qconv2dDynamic',
      {
        x: nhwc(channelsLast(asImage(padded))),
        weight: packed.operand,
        bias: bias && contiguous(bias),
      },
      { y: nhwc(y) },
      { ...attrs, ...packed.dynamicAttrs(reduceRange) },
      packed.cache,
    );
    return fromImage(y, rank);
  });
}
