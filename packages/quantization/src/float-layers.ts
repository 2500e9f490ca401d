/** Float layers made of others' weights: what `toFloat()` of trained and int8 modules gives. */
import type { Clamp } from '@octet/backend';
import {
  Conv1d,
  Conv2d,
  ConvTranspose1d,
  ConvTranspose2d,
  Linear,
  Parameter,
  skipInit,
} from '@octet/nn/modules';
import { conv1d, conv2d, type Tensor } from '@octet/tensor/functional';

export type Conv = Conv1d | Conv2d;

export type ConvTranspose = ConvTranspose1d | ConvTranspose2d;

type Geometry<C extends Conv | ConvTranspose> = Pick<
  C,
  | 'inChannels'
  | 'outChannels'
  | 'kernelSize'
  | 'stride'
  | 'padding'
  | 'paddingMode'
  | 'dilation'
  | 'groups'
  | 'training'
>;

/** What a convolution computes with another weight and bias, between the bounds of `clamp`. */
export function convolve(
  conv: Conv,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  clamp?: Clamp,
): Tensor {
  return conv instanceof Conv1d
    ? conv1d(x, weight, bias, { ...conv.options, clamp })
    : conv2d(x, weight, bias, { ...conv.options, clamp });
}

/** A convolution with a weight and a bias that are there. A Parameter is shared. */
export function floatConv(like: Geometry<Conv2d>, weight: Tensor, bias: Tensor | undefined): Conv2d {
  const { inChannels, outChannels, kernelSize, paddingMode, training } = like;
  const options = { ...optionsOf(like, bias), paddingMode };
  const conv = skipInit(() => new Conv2d(inChannels, outChannels, kernelSize, options));
  return withWeights(conv, weight, bias).train(training);
}

/** Likewise of one dim. */
export function floatConv1d(like: Geometry<Conv1d>, weight: Tensor, bias: Tensor | undefined): Conv1d {
  const { inChannels, outChannels, kernelSize, paddingMode, training } = like;
  const options = { ...optionsOf(like, bias), paddingMode };
  const conv = skipInit(() => new Conv1d(inChannels, outChannels, kernelSize, options));
  return withWeights(conv, weight, bias).train(training);
}

/** A transposed convolution with a weight and a bias that are there. A Parameter is shared. */
export function floatConvTranspose2d(
  like: Geometry<ConvTranspose2d> & Pick<ConvTranspose2d, 'outputPadding'>,
  weight: Tensor,
  bias: Tensor | undefined,
): ConvTranspose2d {
  const { inChannels, outChannels, kernelSize, outputPadding, training } = like;
  const options = { ...optionsOf(like, bias), outputPadding };
  const conv = skipInit(() => new ConvTranspose2d(inChannels, outChannels, kernelSize, options));
  return withWeights(conv, weight, bias).train(training);
}

/** Likewise of one dim. */
export function floatConvTranspose1d(
  like: Geometry<ConvTranspose1d> & Pick<ConvTranspose1d, 'outputPadding'>,
  weight: Tensor,
  bias: Tensor | undefined,
): ConvTranspose1d {
  const { inChannels, outChannels, kernelSize, outputPadding, training } = like;
  const options = { ...optionsOf(like, bias), outputPadding };
  const conv = skipInit(() => new ConvTranspose1d(inChannels, outChannels, kernelSize, options));
  return withWeights(conv, weight, bias).train(training);
}

function optionsOf<S, P>(
  { stride, padding, dilation, groups }: { stride: S; padding: P; dilation: S; groups: number },
  bias: Tensor | undefined,
) {
  return { stride, padding, dilation, groups, bias: bias !== undefined };
}

/** A linear layer with a weight [outFeatures, inFeatures] and a bias that are there. A Parameter is shared. */
export function floatLinear(weight: Tensor, bias: Tensor | undefined, training: boolean): Linear {
  const [outFeatures, inFeatures] = weight.shape;
  const linear = skipInit(() => new Linear(inFeatures, outFeatures, { bias: bias !== undefined }));
  return withWeights(linear, weight, bias).train(training);
}

function withWeights<L extends Conv | ConvTranspose | Linear>(
  layer: L,
  weight: Tensor,
  bias: Tensor | undefined,
): L {
  layer.weight = parameter(weight);
  layer.bias = bias && parameter(bias);
  return layer;
}

const parameter = (t: Tensor) => (t instanceof Parameter ? t : new Parameter(t));
