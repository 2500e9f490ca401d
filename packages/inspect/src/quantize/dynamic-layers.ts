import { type AnyModule, Conv1d, Conv2d, Linear } from '@octet/nn';
import { dynamic, type quantized } from '@octet/quantization';
import type { Tensor } from '@octet/tensor';
import { joined, partsOf } from './layer-parts';

/**
 * Whether a layer, or the first of a fused one, has a form that quantizes its input at every call and gives floats. Not where each channel is by itself:
 * that takes longer than floats do.
 */
export function canBeDynamic(layer: AnyModule): boolean {
  const [first] = partsOf(layer);
  if (first.constructor === Linear) return true;
  if (!dynamic.isDynamicConv(first)) return false;
  const { groups, inChannels } = first as Conv1d | Conv2d;
  return groups === 1 || groups < inChannels;
}

/** Whether a layer, or one of which it is made, has that form, or is a recurrent one that does so. */
export function isDynamic(layer: AnyModule): boolean {
  return layer.modules().some((m) => /^_?Dynamic/.test(m.constructor.name));
}

/** That form of a layer whose weight is int8 alone. */
export function dynamicOf({ layer }: quantized.WeightOnly): AnyModule {
  const [first, ...behind] = partsOf(layer);
  const weight = (first as unknown as { weight: Tensor }).weight;
  const made =
    first instanceof Conv1d
      ? new dynamic.Conv1d(first, weight)
      : first instanceof Conv2d
        ? new dynamic.Conv2d(first, weight)
        : new dynamic.Linear(first as Linear, weight);
  return joined(made as AnyModule, behind);
}
