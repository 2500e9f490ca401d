import type { AnyModule } from '@octet/nn';
import type { GraphNode, Slot } from '@octet/nn/graph';
import { DeQuantStub, type FakeQuantizeBase, QuantStub } from '@octet/quantization';
import { type Reference, relativeNoise } from './noise';
import { type AnyGraph, outputQuantizers, weightedLayers } from './simulation';

/** Something that is rounded: a weight, or what a node gives. */
export interface Rounding {
  /** The path of the layer, or of what quantizes a node; with `.weight` for a weight. */
  readonly path: string;
  readonly quantizer: FakeQuantizeBase;
  /** Of a weight, its layer. */
  readonly weightOf?: string;
  /** The layers with weights that must compute in floats for this to be no longer rounded. */
  readonly layers: readonly string[];
}

/** A rounding, and the noise of the outputs with it alone, relative to the signal. */
export interface MeasuredRounding extends Rounding {
  readonly noise: number;
}

/** All that is rounded in a simulation. What a node gives stays rounded as long as a layer that made it, or reads it, computes in int8. */
export function roundingsOf(simulation: AnyGraph): Rounding[] {
  const { nodes } = simulation.graph;
  const weighted = new Set(weightedLayers(simulation));
  const maker = new Map<Slot, GraphNode>(nodes.flatMap((node) => node.outputs.map((slot) => [slot, node])));
  const readers = new Map<Slot, GraphNode[]>();
  for (const node of nodes)
    for (const slot of node.inputs)
      if (slot !== undefined) readers.set(slot, [...(readers.get(slot) ?? []), node]);
  const layerOf = ({ target }: GraphNode) =>
    typeof target === 'string' ? simulation.getSubmodule(target) : undefined;
  // Integers begin at a QuantStub, whatever is before it; a node without a quantizer gives floats, or moves what it gets.
  const nearest = (node: GraphNode, next: (node: GraphNode) => readonly GraphNode[]) => {
    const found = new Set<string>();
    const seen = new Set<GraphNode>([node]);
    const queue = [node];
    for (let at = queue.pop(); at; at = queue.pop()) {
      for (const each of next(at)) {
        if (seen.has(each)) continue;
        seen.add(each);
        if (typeof each.target === 'string' && weighted.has(each.target)) found.add(each.target);
        else if (!isBorder(layerOf(each))) queue.push(each);
      }
    }
    return found;
  };
  const before = (node: GraphNode) =>
    node.inputs.flatMap((slot) => (slot === undefined ? [] : (maker.get(slot) ?? [])));
  const after = (node: GraphNode) => node.outputs.flatMap((slot) => readers.get(slot) ?? []);
  const roundings: Rounding[] = [];
  for (const node of nodes) {
    const layer = layerOf(node) as (AnyModule & { weightFakeQuant?: FakeQuantizeBase }) | undefined;
    if (!layer || typeof node.target !== 'string') continue;
    const { target: path } = node;
    if (layer.weightFakeQuant)
      roundings.push({
        path: `${path}.weight`,
        quantizer: layer.weightFakeQuant,
        weightOf: path,
        layers: [path],
      });
    const makers = weighted.has(path) ? [path] : layer instanceof QuantStub ? [] : nearest(node, before);
    const layers = [...new Set([...makers, ...nearest(node, after)])];
    for (const quantizer of outputQuantizers(layer)) roundings.push({ path, quantizer, layers });
  }
  return roundings;
}

function isBorder(layer: AnyModule | undefined): boolean {
  return layer instanceof QuantStub || layer instanceof DeQuantStub;
}

/**
 * The noise of each rounding alone.
 *
 * @param known noise by path, of the same weights and ranges: what is measured is added
 */
export async function measureRoundings(
  simulation: AnyGraph,
  reference: Reference,
  breathe: (done: number, total: number) => unknown,
  known: Map<string, number> = new Map(),
): Promise<MeasuredRounding[]> {
  const copy = simulation.clone();
  const roundings = roundingsOf(copy);
  for (const { quantizer } of roundings) quantizer.enableFakeQuant(false);
  const exact = await reference.of(copy);
  for (const [i, { path, quantizer }] of roundings.entries()) {
    if (known.has(path)) continue;
    await breathe(i, roundings.length);
    quantizer.enableFakeQuant();
    known.set(path, relativeNoise(await exact.compare(copy)));
    quantizer.enableFakeQuant(false);
  }
  return roundings.map((rounding) => ({ ...rounding, noise: known.get(rounding.path) ?? 0 }));
}

/** Layers that compute in floats. */
export interface FloatPart {
  /** Those whose weights are floats, too. */
  readonly inFloat: ReadonlySet<string>;
  /** Those with int8 weights. */
  readonly weightOnly: ReadonlySet<string>;
  /** What all of them cost. */
  readonly price: number;
}

export interface FloatPartOptions {
  /** Of a layer. */
  readonly price: (path: string) => number;
  /** The part of all weights that a layer has. */
  readonly weights: (path: string) => number;
  /** The part of all weights that may be floats. */
  readonly most: number;
  /** Whether int8 weights alone are a choice for those that are too heavy. */
  readonly mayKeepWeights: boolean;
}

/** So much is added to each price, so that what is nearly free is compared by its gain. */
const LEAST_PRICE = 0.01;

/**
 * Parts of a model that compute in floats, each with more layers than the one before: those are added that take most noise away for their
 * price, as if the noise of roundings added up.
 */
export function floatParts(
  roundings: readonly MeasuredRounding[],
  { price, weights, most, mayKeepWeights }: FloatPartOptions,
): FloatPart[] {
  const parts: FloatPart[] = [];
  let part: FloatPart = { inFloat: new Set(), weightOnly: new Set(), price: 0 };
  let room = most;
  for (;;) {
    let best: { part: FloatPart; room: number; worth: number } | undefined;
    const gone = takenAway(roundings, part);
    for (const { layers } of roundings) {
      const added = layers.filter((path) => !part.inFloat.has(path) && !part.weightOnly.has(path));
      if (added.length === 0) continue;
      const [inFloat, weightOnly] = [new Set(part.inFloat), new Set(part.weightOnly)];
      let left = room;
      for (const path of added) {
        const isLight = weights(path) <= left;
        if (isLight) left -= weights(path);
        (isLight ? inFloat : weightOnly).add(path);
      }
      if (!mayKeepWeights && weightOnly.size > 0) continue;
      const more = added.reduce((sum, path) => sum + price(path), 0);
      const next = { inFloat, weightOnly, price: part.price + more };
      const worth = (takenAway(roundings, next) - gone) / (more + LEAST_PRICE);
      if (worth > (best?.worth ?? 0)) best = { part: next, room: left, worth };
    }
    if (!best) return parts;
    ({ part, room } = best);
    parts.push(part);
  }
}

/** The noise that a part in floats takes away. */
function takenAway(roundings: readonly MeasuredRounding[], { inFloat, weightOnly }: FloatPart): number {
  let sum = 0;
  for (const { weightOf, layers, noise } of roundings) {
    const isGone =
      weightOf !== undefined
        ? inFloat.has(weightOf)
        : layers.every((path) => inFloat.has(path) || weightOnly.has(path));
    if (isGone) sum += noise;
  }
  return sum;
}
