import { tensorsIn } from '@octet/graph';
import { type AnyModule, Embedding, Linear, Sequential } from '@octet/nn';
import { intrinsic, quantized } from '@octet/quantization';
import type { ModelInput } from '../inputs';
import { outputsOf } from './outputs';
import type { AnyGraph } from './simulation';

/** A layer that waits for its weight. */
export interface MemoryBound {
  readonly path: string;
  /** How many numbers its weight has. */
  readonly weights: number;
  /** Bits of each of them as it is without 4-bit ones. */
  readonly bits: number;
}

/** The linear layer or the table of a layer that has a form of 4-bit integers, and what stands behind it. */
function partsOf(layer: AnyModule): [layer: Linear | Embedding, ...behind: AnyModule[]] | undefined {
  if (layer.constructor === Linear || layer.constructor === Embedding) return [layer as Linear | Embedding];
  const isFused: boolean = layer.constructor === intrinsic.LinearReLU;
  if (!isFused) return undefined;
  const [first, ...behind] = layer.children();
  return first.constructor === Linear ? [first as Linear, ...behind] : undefined;
}

/**
 * Layers that memory bounds, by path, in the order of the graph: linear ones whose weight each call reads for so few rows that products take less
 * time than reading it, and tables. None where they have little of the model's weights, or where caches hold them. By rows and sizes, so
 * that every run finds the same.
 *
 * @param fused the float graph with fused layers
 */
export function memoryBound(fused: AnyGraph, input: ModelInput): MemoryBound[] {
  const rows = new Map<string, number>();
  const paths = fused.graph.nodes.flatMap(({ target }) => (typeof target === 'string' ? [target] : []));
  const able = [...new Set(paths)].flatMap((path) => {
    const [layer] = partsOf(fused.getSubmodule(path)) ?? [];
    return layer ? [{ path, layer }] : [];
  });
  if (able.length === 0) return [];
  const hooks = able.map(({ path, layer }) =>
    fused.getSubmodule(path).registerForwardHook((_, __, output) => {
      const y = tensorsIn(output)[0]?.numel ?? 0;
      const width = layer instanceof Linear ? layer.outFeatures : layer.embeddingDim;
      rows.set(path, (rows.get(path) ?? 0) + y / width);
    }),
  );
  try {
    outputsOf(fused, input);
  } finally {
    for (const hook of hooks) hook.remove();
  }
  const all = fused.parameters().reduce((sum, { numel }) => sum + numel, 0);
  const found = able.flatMap(({ path, layer }) => {
    const weights = layer.weight.numel;
    const isTable = layer instanceof Embedding;
    const isBound = (rows.get(path) ?? 0) <= (isTable ? layer.numEmbeddings / 2 : FEW_ROWS);
    if (!isBound || !rows.has(path) || weights < LEAST_SHARE * all) return [];
    return [{ path, weights, bits: isTable ? 32 : 8 }];
  });
  const bound = found.reduce((sum, { weights }) => sum + weights, 0);
  return bound >= LEAST_PART * all && bound >= LEAST_WEIGHTS ? found : [];
}

/** Bits of a number of a weight in groups of 4-bit integers, with its part of the scale. */
export const bitsIn = (groupSize: number): number => 4 + 32 / groupSize;

/**
 * A layer with 4-bit integers as its weight, in groups of columns that share a scale. Around 0: zero points would take as much of a file as groups of half the
 * size.
 *
 * @throws QuantizationError for a weight that isn't finite
 */
export async function int4Of(layer: AnyModule, path: string, groupSize: number): Promise<AnyModule> {
  const [first, ...behind] = partsOf(layer) as [Linear | Embedding, ...AnyModule[]];
  const { quantizeGroups } = quantized.functional;
  const columns = first.weight.shape[1];
  const grouped = await quantizeGroups(path, first.weight, {
    ...{ bits: 4, symmetric: true },
    groupSize: Math.min(columns, groupSize),
  });
  const made =
    first instanceof Linear
      ? new quantized.WeightOnlyLinear(grouped, first.bias?.detach())
      : new quantized.Embedding(grouped, first.paddingIdx);
  return behind.length > 0 ? new Sequential(made, ...(behind as never[])).eval() : made;
}

/** Whether a layer, or the first of which it is made, has 4-bit integers as its weight. */
export function isInt4(layer: AnyModule): boolean {
  const [first] = layer instanceof Sequential ? layer.children() : [layer];
  const isGrouped = first instanceof quantized.WeightOnlyLinear || first instanceof quantized.Embedding;
  return isGrouped && first.bits === 4;
}

/** Products of more rows than this take longer than reading the weight does. */
const FEW_ROWS = 1;
/** The part of all weights that these layers have at least: each of them, and all together. */
const LEAST_SHARE = 0.01;
const LEAST_PART = 1 / 3;
/** Less, in int8, stays in caches from call to call. */
const LEAST_WEIGHTS = 2 ** 18;
