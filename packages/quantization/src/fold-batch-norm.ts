import { QuantizationError } from '@octet/backend';
import {
  type BatchNorm1d,
  type BatchNorm2d,
  type Conv2d,
  type Linear,
  moveHooks,
  Parameter,
} from '@octet/nn';
import { noGrad, ones, type Tensor, zeros } from '@octet/tensor';

export interface Folded {
  weight: Tensor;
  bias: Tensor;
}

/**
 * Weight and bias of a layer and the batch normalisation after it, as one layer (evaluation mode):
 * W · γ/√(var + ε) and (b - mean) · γ/√(var + ε) + β, PyTorch's fuse_conv_bn_weights.
 */
export function foldBatchNorm(
  weight: Tensor,
  bias: Tensor | undefined,
  bn: BatchNorm1d | BatchNorm2d,
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
    const inverseStd = runningVar.add(bn.eps).pow(-0.5);
    const factor = gamma.mul(inverseStd);
    const b = bias ?? zeros([n], { backend });
    return {
      weight: weight.mul(factor.reshape([n, ...weight.shape.slice(1).map(() => 1)])),
      bias: b.sub(runningMean).mul(inverseStd).mul(gamma).add(beta),
    };
  });
}

/** A copy of the layer with the batch normalisation folded into it. It takes the hooks. */
export function foldInto(layer: Conv2d | Linear, bn: BatchNorm1d | BatchNorm2d): Conv2d | Linear {
  const folded = foldBatchNorm(layer.weight, layer.bias, bn);
  const copy = layer.clone();
  moveHooks(layer, copy);
  copy.weight = new Parameter(folded.weight);
  copy.bias = new Parameter(folded.bias);
  return copy;
}
