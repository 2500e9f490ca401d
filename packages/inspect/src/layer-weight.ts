import { type AnyModule, Linear, Parameter } from '@octet/nn';
import { intrinsic } from '@octet/quantization';
import { noGrad, Tensor } from '@octet/tensor';
import type { LayerPair } from './layers';

/** The module that holds a layer's weight: of a fused one, its first. */
export function weightLayer(layer: AnyModule): WeightHolder | undefined {
  const holder = layer instanceof intrinsic.FusedModule ? layer.at(0) : layer;
  return 'weight' in holder && holder.weight instanceof Tensor
    ? (holder as unknown as WeightHolder)
    : undefined;
}

export interface WeightHolder {
  weight: Tensor;
  bias?: Tensor | undefined;
}

/** The dim of the channels of what a layer with a weight gives: the last of a linear layer, whatever stands before; dim 1 of a convolution. */
export function channelAxis(layer: AnyModule, y: Tensor): number {
  return weightLayer(layer) instanceof Linear ? y.dim - 1 : 1;
}

/** A copy of a float layer with the int8 layer's weight, dequantized, and its bias; undefined where neither has a weight. */
export function withInt8Weight({ float, int8 }: LayerPair): AnyModule | undefined {
  const rounded = weightLayer(int8);
  const copy = float.clone();
  const holder = weightLayer(copy);
  if (!holder || !rounded?.weight.isQuantized) return undefined;
  putWeight(holder, new Parameter(noGrad(() => rounded.weight.dequantize())));
  holder.bias = rounded.bias && new Parameter(rounded.bias);
  return copy;
}

/** Gives a layer another weight, also where it works out its own from other parameters. */
export function putWeight(holder: WeightHolder, weight: Tensor): void {
  Object.defineProperty(holder, 'weight', {
    value: weight,
    writable: true,
    configurable: true,
    enumerable: true,
  });
}
