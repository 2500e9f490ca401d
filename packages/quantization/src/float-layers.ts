/** Float layers made of others' weights: what `toFloat()` of trained and int8 modules gives. */
import { Conv2d, Linear, Parameter, skipInit } from '@octet/nn/modules';
import type { Tensor } from '@octet/tensor/functional';

type Geometry = Pick<
  Conv2d,
  'inChannels' | 'outChannels' | 'kernelSize' | 'stride' | 'padding' | 'dilation' | 'groups' | 'training'
>;

/** A convolution with a weight and a bias that are there. A Parameter is shared. */
export function floatConv(like: Geometry, weight: Tensor, bias: Tensor | undefined): Conv2d {
  const { inChannels, outChannels, kernelSize, stride, padding, dilation, groups } = like;
  const options = { stride, padding, dilation, groups, bias: bias !== undefined };
  const conv = skipInit(() => new Conv2d(inChannels, outChannels, kernelSize, options));
  return withWeights(conv, weight, bias).train(like.training);
}

/** A linear layer with a weight [outFeatures, inFeatures] and a bias that are there. A Parameter is shared. */
export function floatLinear(weight: Tensor, bias: Tensor | undefined, training: boolean): Linear {
  const [outFeatures, inFeatures] = weight.shape;
  const linear = skipInit(() => new Linear(inFeatures, outFeatures, { bias: bias !== undefined }));
  return withWeights(linear, weight, bias).train(training);
}

function withWeights<L extends Conv2d | Linear>(layer: L, weight: Tensor, bias: Tensor | undefined): L {
  layer.weight = parameter(weight);
  layer.bias = bias && parameter(bias);
  return layer;
}

const parameter = (t: Tensor) => (t instanceof Parameter ? t : new Parameter(t));
