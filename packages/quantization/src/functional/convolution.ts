import type { Conv2dAttrs } from '@octet/backend';
import { asImage, fromImage, kernel, type SpatialRank, type Tensor, tidy } from '@octet/tensor/functional';
import { clampOf, type OutputClamp, type OutputQparams, outputQparams, requireQuint8 } from './int8';
import type { PackedWeight } from './packed-weight';

const { channelsLast, emptyChannelsLast, nhwc, run } = kernel;

/**
 * What all int8 convolutions do: x quint8 of `rank` dims beside N and C, the result channels last. `plan` checks weight and geometry
 * and gives the shape of the image that the kernel writes.
 */
export function int8Convolution(
  name: 'qconv2d' | 'qconvTranspose2d',
  op: string,
  rank: SpatialRank,
  x: Tensor,
  packed: PackedWeight,
  options: OutputQparams & OutputClamp,
  plan: () => { image: number[]; attrs: Conv2dAttrs },
): Tensor {
  const clamp = clampOf(op, options);
  const xq = requireQuint8(op, x);
  const { image, attrs } = plan();
  const yq = outputQparams(op, options);
  const { weight, bias, attrs: requantize } = packed.callFor(xq, yq, clamp);
  return tidy(() => {
    const y = emptyChannelsLast(x, image, { qparams: yq });
    const inputs = { x: nhwc(channelsLast(asImage(x))), weight, bias };
    run(name, inputs, { y: nhwc(y) }, { ...attrs, ...requantize }, packed.cache);
    return fromImage(y, rank);
  });
}
