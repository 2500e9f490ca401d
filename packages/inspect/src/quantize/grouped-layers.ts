import { tensorsIn } from '@octet/graph';
import { type AnyModule, Embedding, Linear, Sequential } from '@octet/nn';
import { quantized } from '@octet/quantization';
import { tensor } from '@octet/tensor';
import type { ModelInput } from '../inputs';
import { calledPaths, joined, partsOf } from './layer-parts';
import { outputsOf } from './outputs';
import type { AnyGraph } from './simulation';

/** A layer that waits for its weight. */
export interface MemoryBound {
  readonly path: string;
  /** How many numbers its weight has. */
  readonly weights: number;
  readonly isTable: boolean;
  /** Bits of each of them as it is without 4-bit ones. */
  readonly bits: number;
}

type Groupable = Linear | Embedding | quantized.Embedding;

/** Whether a layer has a form of 4-bit integers. */
function isGroupable(layer: AnyModule): layer is Groupable {
  const type = layer.constructor;
  return type === Linear || type === Embedding || layer instanceof quantized.Embedding;
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
  const able = calledPaths(fused).flatMap((path) => {
    const [layer] = partsOf(fused.getSubmodule(path));
    return isGroupable(layer) ? [{ path, layer }] : [];
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
  let all = fused.parameters().reduce((sum, { numel }) => sum + numel, 0);
  for (const { layer } of able) if (layer instanceof quantized.Embedding) all += layer.parameterCount;
  const found = able.flatMap(({ path, layer }) => {
    const [height, width] =
      layer instanceof Linear
        ? [layer.outFeatures, layer.inFeatures]
        : [layer.numEmbeddings, layer.embeddingDim];
    const weights = height * width;
    const most = layer instanceof Linear ? FEW_ROWS : height / 2;
    const isBound = rows.has(path) && (rows.get(path) as number) <= most;
    if (!isBound || weights < LEAST_SHARE * all || blockOf(width, LEAST_BLOCK) < LEAST_BLOCK) return [];
    return [
      { path, weights, isTable: !(layer instanceof Linear), bits: layer instanceof Embedding ? 32 : 8 },
    ];
  });
  const bound = found.reduce((sum, { weights }) => sum + weights, 0);
  return bound >= LEAST_PART * all && bound >= LEAST_WEIGHTS ? found : [];
}

/** Bits of a number of a weight in groups of 4-bit integers, with its part of the scale. */
export const bitsIn = (groupSize: number): number => 4 + 32 / groupSize;

/**
 * A layer with 4-bit integers as its weight, in groups of so many columns that share a scale; of fewer, where it has no such groups. Around 0: zero points
 * would take as much of a file as groups of half the size.
 *
 * @throws QuantizationError for a weight that isn't finite
 */
export async function int4Of(layer: AnyModule, path: string, groupSize: number): Promise<AnyModule> {
  const [first, ...behind] = partsOf(layer) as [Groupable, ...AnyModule[]];
  const float = first instanceof quantized.Embedding ? first.toFloat() : first;
  const grouped = await quantized.functional.quantizeGroups(path, float.weight, {
    ...{ bits: 4, symmetric: true },
    groupSize: blockOf(float.weight.shape[1], groupSize),
  });
  const made =
    float instanceof Linear
      ? new quantized.WeightOnlyLinear(grouped, float.bias?.detach())
      : new quantized.Embedding(grouped, float.paddingIdx);
  return joined(made as AnyModule, behind);
}

/**
 * The graph with tables of 8-bit integers, in place: what a table gives is floats again, and nothing of it is lost but the rounding.
 *
 * @param isFloat whether a table is to stay in float, by path
 * @throws QuantizationError for a table that isn't finite
 */
export async function withInt8Tables(model: AnyGraph, isFloat: (path: string) => boolean): Promise<AnyGraph> {
  for (const path of calledPaths(model)) {
    const table = model.getSubmodule(path);
    if (table.constructor !== Embedding || isFloat(path)) continue;
    const { weight, paddingIdx } = table as Embedding;
    const groupSize = blockOf(weight.shape[1], TABLE_GROUP);
    if (groupSize < LEAST_BLOCK || weight.numel < LEAST_TABLE) continue;
    const { quantizeGroups } = quantized.functional;
    const grouped = await quantizeGroups(path, weight, { bits: 8, groupSize, symmetric: true });
    // Around 128, as files have them.
    const bytes = Uint8Array.from(await grouped.weight.data(), (v) => v + 128);
    const codes = tensor(bytes, { dtype: 'uint8', backend: weight.backend }).reshape(weight.shape);
    model.setSubmodule(path, new quantized.Embedding({ ...grouped, weight: codes }, paddingIdx));
  }
  return model;
}

/** The greatest power of two that divides the columns, up to `most`: groups that files have, too. */
function blockOf(columns: number, most: number): number {
  let size = most;
  while (columns % size !== 0) size /= 2;
  return size;
}

/** Whether a layer, or the first of which it is made, has 4-bit integers as its weight. */
export function isInt4(layer: AnyModule): boolean {
  const [first] = layer instanceof Sequential ? layer.children() : [layer];
  const isGrouped = first instanceof quantized.WeightOnlyLinear || first instanceof quantized.Embedding;
  return isGrouped && first.bits === 4;
}

/** Whether a layer is a table of 8-bit integers. */
export function isInt8Table(layer: AnyModule): boolean {
  return layer instanceof quantized.Embedding && layer.bits === 8;
}

/** Products of more rows than this take longer than reading the weight does. */
const FEW_ROWS = 1;
/** The part of all weights that these layers have at least: each of them, and all together. */
const LEAST_SHARE = 0.01;
const LEAST_PART = 1 / 3;
/** Less, in int8, stays in caches from call to call. */
const LEAST_WEIGHTS = 2 ** 20;
/** Columns of the least group that pays, and that files have. */
const LEAST_BLOCK = 32;
/** Columns of a group of 8-bit integers. */
const TABLE_GROUP = 128;
/** Less numbers than this aren't worth it. */
const LEAST_TABLE = 4096;
