/** Weights of few bits alone: what comes in and goes out stays in float. */
import { ArgumentError, checkOptions, describe, requireFlag, requireType, warn } from '@octet/backend';
import { type AnyModule, Embedding, EmbeddingBag, Linear, requireModule, skipInit } from '@octet/nn/modules';
import { checkGroups, type GroupedQuantization, quantizeGroups } from './functional/grouped-integers';
import { QuantizedEmbedding } from './quantized/embedding';
import { QuantizedEmbeddingBag } from './quantized/embedding-bag';
import { WeightOnlyLinear } from './quantized/weight-only-linear';
import { swapLayers } from './swap';

/** Which layers `quantize_` gives integers as weights, and how. */
export interface WeightOnlyConfig extends GroupedQuantization {
  readonly of: 'Linear' | 'Embedding';
}

/** Linear layers of 8 bits, symmetric, one scale for each output unless `groupSize` says more. torchao's `Int8WeightOnlyConfig`. */
export function int8WeightOnly(options?: { groupSize?: number }): WeightOnlyConfig {
  const { groupSize } = checkOptions('int8WeightOnly', options, 'groupSize');
  if (groupSize !== undefined) checkGroups('int8WeightOnly', 8, groupSize, Number.POSITIVE_INFINITY);
  return { of: 'Linear', bits: 8, groupSize, symmetric: true };
}

export interface Int4WeightOnlyOptions {
  /** Columns that share a scale: 32, 64, 128 or another even number. Default: 128. */
  groupSize?: number;
  /** Whether ranges are as wide on both sides of 0, which saves the zero points. Default: false. */
  symmetric?: boolean;
}

/** Linear layers of 4 bits in groups, from the least to the greatest number of each. torchao's `Int4WeightOnlyConfig`. */
export function int4WeightOnly(options?: Int4WeightOnlyOptions): WeightOnlyConfig {
  const { groupSize = 128, symmetric = false } = checkOptions(
    'int4WeightOnly',
    options,
    'groupSize symmetric',
  );
  checkGroups('int4WeightOnly', 4, groupSize, Number.POSITIVE_INFINITY);
  return {
    of: 'Linear',
    bits: 4,
    groupSize,
    symmetric: requireFlag('int4WeightOnly', 'symmetric', symmetric),
  };
}

/** Embeddings, and bags of them, of 8 bits, each row from its least to its greatest number. */
export const floatQparamsWeightOnlyQconfig: WeightOnlyConfig = {
  ...{ of: 'Embedding', bits: 8, symmetric: false },
};
/** The same of 4 bits. */
export const floatQparamsWeightOnlyQconfig4bit: WeightOnlyConfig = {
  ...{ of: 'Embedding', bits: 4, symmetric: false },
};

export interface QuantizeWeightsOptions {
  /** Whether to take this layer. Default: all of the config's class. */
  filter?: (module: AnyModule, path: string) => boolean;
}

/**
 * Gives the model's linear layers, or its embeddings, weights of 8 or 4 bits, in place, and evaluation mode: torchao's `quantize_`. Inputs,
 * outputs and products stay in float. Subclasses of a layer stay as they are.
 *
 * @example
 * await quantize_(model, int4WeightOnly({ groupSize: 64 }));
 * await quantize_(model, floatQparamsWeightOnlyQconfig);
 *
 * @throws QuantizationError for a weight with NaN or infinity, and for a model that is a layer itself: nothing has changed then
 * @throws ArgumentError for a config that is none
 */
export async function quantize_<M extends AnyModule>(
  model: M,
  config: WeightOnlyConfig,
  options?: QuantizeWeightsOptions,
): Promise<M> {
  const { filter = () => true } = checkOptions('quantize_', options, 'filter');
  requireType('quantize_', 'filter', filter, 'function');
  requireModule('quantize_', model);
  if (config?.of !== 'Linear' && config?.of !== 'Embedding') {
    throw new ArgumentError({
      op: 'quantize_',
      expected: 'a config of weights alone',
      found: describe(config),
      fix: 'Pass int4WeightOnly({ groupSize: 64 }), int8WeightOnly() or floatQparamsWeightOnlyQconfig.',
    });
  }
  const { of, ...how } = config;
  const swaps = new Map<AnyModule, AnyModule>();
  for (const [path, module] of model.namedModules()) {
    const types: unknown[] = of === 'Linear' ? [Linear] : [Embedding, EmbeddingBag];
    if (!types.includes(module.constructor) || !filter(module, path)) continue;
    const layer = module as Linear | Embedding | EmbeddingBag;
    const grouped = await quantizeGroups(path || of, layer.weight, how);
    const made =
      layer instanceof Embedding
        ? new QuantizedEmbedding(grouped, layer.paddingIdx)
        : layer instanceof EmbeddingBag
          ? skipInit(() => new QuantizedEmbeddingBag(grouped, layer))
          : new WeightOnlyLinear(grouped, layer.bias?.detach());
    swaps.set(module, made);
  }
  if (swaps.size === 0) warn(`quantize_: no ${of} in ${model.constructor.name} to quantize`);
  return swapLayers('quantize_', model, swaps, true).eval();
}
