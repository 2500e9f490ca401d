import type { AnyModule } from '@octet/nn';
import type { GraphModule } from '@octet/nn/graph';
import {
  FakeQuantize,
  FakeQuantizeBase,
  LearnableFakeQuantize,
  type ModuleRule,
  prepareQatFx,
  QConfig,
  QConfigMapping,
} from '@octet/quantization';
import type { Tensor } from '@octet/tensor';
import type { ModelInput } from '../inputs';
import { outputsOf } from './noise';
import { trimRanges } from './useful-ranges';

export type AnyGraph = GraphModule<Tensor | Tensor[]>;

/** How a graph is made int8. */
export interface Recipe {
  /** For all layers. */
  readonly qconfig: QConfig;
  /** Paths of layers that the user's recipe names, with theirs; null leaves in float. */
  readonly named: ReadonlyMap<string, QConfig | null>;
  /** Layers that the search leaves in float. */
  readonly inFloat: readonly string[];
  readonly rules: readonly ModuleRule[] | undefined;
}

/** The recipe as `prepareFx` takes it. */
export function mappingOf({ qconfig, named, inFloat }: Recipe, of = (q: QConfig) => q): QConfigMapping {
  const mapping = new QConfigMapping().setGlobal(of(qconfig));
  for (const [path, own] of named) mapping.setModuleName(path, own && of(own));
  return mapping.exclude(...inFloat);
}

/** The same ranges, with gradients: scales of activations can be learned. */
function simulated({ activation, weight }: QConfig): QConfig {
  return new QConfig({
    activation: LearnableFakeQuantize.withArgs({ observer: activation }),
    weight: FakeQuantize.withArgs({ observer: weight }),
  });
}

/**
 * A copy of a fused float graph in which int8 is simulated in float, calibrated on `inputs`: `convertFx` makes the int8 graph of
 * it, and gradients reach its weights. In evaluation mode; its ranges stay.
 */
export async function simulate(
  fused: AnyGraph,
  recipe: Recipe,
  inputs: readonly ModelInput[],
): Promise<AnyGraph> {
  const own = recipe.rules && { rules: recipe.rules };
  const simulation = prepareQatFx(fused.clone().train(), mappingOf(recipe, simulated), own).eval();
  const quantizers = quantizersOf(simulation);
  for (const quantizer of quantizers) {
    quantizer.enableObserver();
    quantizer.enableFakeQuant(false);
  }
  for (const input of inputs) outputsOf(simulation, input);
  for (const quantizer of quantizers) {
    quantizer.enableObserver(false);
    quantizer.enableFakeQuant();
  }
  await trimRanges(simulation);
  return simulation;
}

export function quantizersOf(model: AnyModule): FakeQuantizeBase[] {
  return model.modules().filter((module) => module instanceof FakeQuantizeBase);
}

/** Layers with a simulated int8 weight, by path, in the order of the graph. */
export function weightedLayers(simulation: AnyGraph): { path: string; quantizers: FakeQuantizeBase[] }[] {
  return simulation.graph.nodes.flatMap(({ target }) => {
    if (typeof target !== 'string') return [];
    const layer = simulation.getSubmodule(target) as AnyModule & { weightFakeQuant?: unknown };
    return layer.weightFakeQuant ? [{ path: target, quantizers: quantizersOf(layer) }] : [];
  });
}
