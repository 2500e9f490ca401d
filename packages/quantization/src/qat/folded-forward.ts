import { type BatchNorm1d, type BatchNorm2d, Linear } from '@octet/nn/modules';
import {
  abs,
  add,
  contiguous,
  div,
  expand,
  mean,
  mul,
  noGrad,
  ones,
  relu,
  reshape,
  sqrt,
  square,
  sub,
  type Tensor,
  tidy,
  zeros,
} from '@octet/tensor/functional';
import { FusedMovingAvgObsFakeQuantize } from '../fake-quantize/fused-moving-avg-obs-fake-quantize';
import type { ObserverOrFakeQuant } from '../with-args';
import { applied, type TrainedLayer } from './fake-quantized';

/** The smallest s to divide by. A weight times less is zero in any integers. */
const SMALLEST_FACTOR = 2 ** -30;

/** A convolution or linear layer that is trained with its batch normalisation folded into the quantized weight. */
type FoldingLayer = TrainedLayer & {
  readonly weightFakeQuant: ObserverOrFakeQuant;
  readonly bn: BatchNorm1d | BatchNorm2d;
  readonly slowPath: boolean;
};

const outputsOf = (layer: FoldingLayer): number =>
  layer instanceof Linear ? layer.outFeatures : layer.outChannels;

/** y = BN(conv(x, W') / s + b), W' = fakeQuant(W · s) */
export function foldedForward(layer: FoldingLayer, x: Tensor): Tensor {
  return tidy(() => (layer.slowPath ? forwardSlow(layer, x) : layer.bn.call(foldedConv(layer, x))));
}

/** conv(x, W') / s + b as conv(x, W' / s) + b: weights are far smaller than outputs. */
function foldedConv(layer: FoldingLayer, x: Tensor): Tensor {
  return tidy(() => {
    const { weight, weightFakeQuant, bn } = layer;
    const fused =
      weightFakeQuant instanceof FusedMovingAvgObsFakeQuantize && weightFakeQuant.canScale(weight);
    const scaled = fused
      ? weightFakeQuant.scaled(weight, {
          weight: gammaOf(layer),
          variance: bn.runningVar as Tensor,
          eps: bn.eps,
        })
      : scaledWeight(layer);
    return applied(layer, x, scaled, layer.bias);
  });
}

/** W' / s, whatever makes W'. */
function scaledWeight(layer: FoldingLayer): Tensor {
  const factor = factorOf(layer);
  const folded = foldedWeight(layer, factor);
  const spare = mayVanish(layer) ? spareOf(layer, factor) : undefined;
  return spare ? div(add(folded, spare.weight), add(factor, spare.one)) : div(folded, factor);
}

/** Whether a channel's s may be too small to divide by. Where γ can't be read at once: always. */
function mayVanish({ bn: { weight } }: FoldingLayer): boolean {
  return !!weight && (!weight.backend.readSync || weight.dataSync().some((g) => Math.abs(g) < 2 ** -10));
}

/** 1 where `factor` is too small to divide by, 0 elsewhere; and the weight there. */
function spareOf({ weight }: FoldingLayer, factor: Tensor): { one: Tensor; weight: Tensor } {
  return noGrad(() => {
    const one = relu(add(mul(abs(factor), -1 / SMALLEST_FACTOR), 1));
    return { one, weight: mul(weight, one) };
  });
}

function forwardSlow(layer: FoldingLayer, x: Tensor): Tensor {
  const { bn, bias } = layer;
  const training = bn.training;
  const perChannel = (t: Tensor) =>
    reshape(
      t,
      x.shape.map((_, d) => (d === 1 ? -1 : 1)),
    );
  const others = x.shape.map((_, d) => d).filter((d) => d !== 1);
  const plain = training ? applied(layer, x, layer.weight, undefined) : undefined;
  // The running statistics see this batch before they fold the weight.
  if (plain) noGrad(() => bn.call(bias ? add(plain, perChannel(bias)) : plain));
  const runningStd = runningStdOf(layer);
  let y = applied(layer, x, foldedWeight(layer, factorOf(layer)), undefined);
  let batchMean: Tensor;
  let std: Tensor;
  if (plain) {
    batchMean = mean(plain, others);
    std = sqrt(add(mean(square(sub(plain, perChannel(batchMean))), others), bn.eps));
    y = mul(y, perChannel(div(runningStd, std)));
  } else {
    batchMean = bias ? sub(bn.runningMean as Tensor, bias) : (bn.runningMean as Tensor);
    std = runningStd;
  }
  const shift = sub(betaOf(layer), div(mul(gammaOf(layer), batchMean), std));
  // b - b: the bias is part of the graph, with a gradient of zero, as PyTorch has it.
  return add(y, perChannel(bias ? add(shift, sub(bias, bias)) : shift));
}

/** W' */
function foldedWeight({ weight, weightFakeQuant }: FoldingLayer, factor: Tensor): Tensor {
  return weightFakeQuant.call(mul(weight, factor));
}

/** s, as often as the weight has elements: it is used more than once. */
function factorOf(layer: FoldingLayer): Tensor {
  const { shape } = layer.weight;
  const each = div(gammaOf(layer), runningStdOf(layer));
  return contiguous(expand(reshape(each, [-1, ...shape.slice(1).map(() => 1)]), shape));
}

function runningStdOf({ bn }: FoldingLayer): Tensor {
  return sqrt(add(bn.runningVar as Tensor, Math.fround(bn.eps)));
}

function gammaOf(layer: FoldingLayer): Tensor {
  return layer.bn.weight ?? ones([outputsOf(layer)], { backend: layer.weight.backend });
}

function betaOf(layer: FoldingLayer): Tensor {
  return layer.bn.bias ?? zeros([outputsOf(layer)], { backend: layer.weight.backend });
}
