import { QuantizationError } from '@octet/backend';
import {
  type BatchNorm1d,
  type BatchNorm2d,
  type Conv1d,
  type Conv2d,
  type ConvTranspose1d,
  type ConvTranspose2d,
  ConvTransposeNd,
  type Linear,
  moveHooks,
  Parameter,
} from '@octet/nn/modules';
import {
  add,
  div,
  mul,
  noGrad,
  ones,
  reshape,
  sqrt,
  sub,
  type Tensor,
  zeros,
} from '@octet/tensor/functional';

export interface Folded {
  weight: Tensor;
  bias: Tensor;
}

/**
 * Weight and bias of a layer and the batch normalisation after it, as one layer (evaluation mode):
 * W · γ/√(var + ε) and (b - mean) · γ/√(var + ε) + β, float32 step by float32 step as PyTorch's fuse_conv_bn_weights and
 * fuse_linear_bn_weights.
 */
export function foldBatchNorm(
  weight: Tensor,
  bias: Tensor | undefined,
  bn: BatchNorm1d | BatchNorm2d,
  /** The groups of a transposed convolution, whose weight is [inputs, outputs / groups, …]. */
  transposed?: number,
): Folded {
  const { runningMean, runningVar } = bn;
  if (!runningMean || !runningVar) {
    throw new QuantizationError({
      op: 'fuseModules',
      expected: 'a batch normalisation with running statistics',
      found: 'one without (trackRunningStats: false)',
      fix: 'Only running statistics can be folded into a layer: train with trackRunningStats.',
    });
  }
  return noGrad(() => {
    const n = bn.numFeatures;
    const { backend } = weight;
    const gamma = bn.weight ?? ones([n], { backend });
    const beta = bn.bias ?? zeros([n], { backend });
    const inverseStd = div(ones([n], { backend }), sqrt(add(runningVar, Math.fround(bn.eps))));
    const factor = mul(gamma, inverseStd);
    const centred = sub(bias ?? zeros([n], { backend }), runningMean);
    // PyTorch multiplies the bias of a convolution in another order than that of a linear layer.
    const scaled = weight.dim > 2 ? mul(mul(centred, inverseStd), gamma) : mul(centred, factor);
    const single = weight.shape.slice(2).map(() => 1);
    if (transposed !== undefined) {
      const [inputs, each, ...taps] = weight.shape;
      const byGroup = reshape(weight, [transposed, inputs / transposed, each, ...taps]);
      const folded = mul(byGroup, reshape(factor, [transposed, 1, each, ...single]));
      return { weight: reshape(folded, weight.shape), bias: add(scaled, beta) };
    }
    return {
      weight: mul(weight, reshape(factor, [n, 1, ...single].slice(0, weight.dim))),
      bias: add(scaled, beta),
    };
  });
}

/** A copy of the layer with the batch normalisation folded into it. It takes the hooks. */
export function foldInto<L extends Conv1d | Conv2d | ConvTranspose1d | ConvTranspose2d | Linear>(
  layer: L,
  bn: BatchNorm1d | BatchNorm2d,
): L {
  const transposed = layer instanceof ConvTransposeNd ? layer.groups : undefined;
  const folded = foldBatchNorm(layer.weight, layer.bias, bn, transposed);
  const copy: Conv1d | Conv2d | ConvTranspose1d | ConvTranspose2d | Linear = layer.clone();
  moveHooks(layer, copy);
  copy.weight = new Parameter(folded.weight);
  copy.bias = new Parameter(folded.bias);
  return copy as L;
}
