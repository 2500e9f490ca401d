import type { AnyModule } from '@octet/nn';
import { type QuantizationRow, quantizationReport, quantized } from '@octet/quantization';
import { isDynamic } from './dynamic-layers';
import { isInt4 } from './grouped-layers';
import { type Reference, relativeNoise } from './noise';
import type { State } from './search';
import { type AnyGraph, quantizersOf } from './simulation';

/** A layer or a function of the int8 model, and what it costs. */
export interface LayerCost extends Omit<QuantizationRow, 'name'> {
  /** The path of the layer, or the node's name. */
  readonly path: string;
  /** Signal to noise of the outputs with nothing but this layer in int8, in dB: of the mean over the outputs of noise to signal. Null without noise. */
  readonly sqnrDb: number | null;
  /** Its part of the noise that all layers make, each alone, from 0 to 1. */
  readonly share: number;
}

export interface LayerCostOptions {
  /** Inputs, and how they are run. */
  readonly reference: Reference;
  /** How long it may take, in milliseconds, as far as that can be told from the first run: one input is enough, more are better. */
  readonly time: number;
  /** Waited for between layers; it may throw to end. */
  readonly breathe: (done: number, total: number) => unknown;
}

/**
 * What each layer costs: the noise of the outputs with nothing but this layer in int8, against the same model with none. The costliest first,
 * then what makes no noise in the order of the graph.
 *
 * @param int8 what was made of `state`
 */
export async function layerCosts(
  { simulation, fused }: State,
  int8: AnyGraph,
  { reference, time, breathe }: LayerCostOptions,
): Promise<LayerCost[]> {
  const rounded = simulation.clone();
  const switches = new Map<string, (on: boolean) => void>();
  for (const { target } of rounded.graph.nodes) {
    if (typeof target !== 'string' || switches.has(target)) continue;
    const [layer, made] = [rounded.getSubmodule(target), int8.getSubmodule(target)];
    const quantizers = quantizersOf(layer);
    if (isSwapped(made)) {
      const isMade = layer instanceof quantized.WeightOnly || isInt4(layer);
      const inFloat = isMade ? fused.getSubmodule(target).clone() : layer;
      switches.set(target, (on) => rounded.setSubmodule(target, on ? made : inFloat));
    } else if (quantizers.length > 0)
      switches.set(target, (on) => {
        for (const quantizer of quantizers) quantizer.enableFakeQuant(on);
      });
  }
  for (const turn of switches.values()) turn(false);
  const began = Date.now();
  const one = await reference.first(1).of(rounded);
  const affordable = Math.floor(time / Math.max(1, (Date.now() - began) * switches.size));
  const inputs = reference.first(Math.max(1, affordable));
  const exact = inputs.count === 1 ? one : await inputs.of(rounded);
  const noise = new Map<string, number>();
  for (const [path, turn] of switches) {
    await breathe(noise.size, switches.size);
    turn(true);
    noise.set(path, relativeNoise(await exact.compare(rounded)));
    turn(false);
  }
  return withRows(simulation, noise);
}

/** Recurrent and dynamic layers and those with weights of few bits alone are other modules in int8, and have no quantizers to switch. */
function isSwapped(made: AnyModule): boolean {
  return made instanceof quantized.WeightOnly || isInt4(made) || isDynamic(made);
}

function withRows(simulation: AnyGraph, noise: ReadonlyMap<string, number>): LayerCost[] {
  const all = [...noise.values()].reduce((sum, n) => sum + n, 0);
  const rows = quantizationReport(simulation)?.rows ?? [];
  const known = new Set(rows.map(({ name }) => name));
  // What quantizes the inputs is no row of the placement.
  const stubs = [...noise.keys()]
    .filter((path) => !known.has(path))
    .map((path) => ({
      name: path,
      type: simulation.getSubmodule(path).constructor.name,
      runs: 'int8' as const,
      weights: 0,
    }));
  return [...stubs, ...rows]
    .map(({ name, ...row }) => {
      const n = noise.get(name) ?? 0;
      return { path: name, ...row, sqnrDb: n > 0 ? -10 * Math.log10(n) : null, share: all > 0 ? n / all : 0 };
    })
    .sort((a, b) => b.share - a.share);
}
