import { type AnyModule, GRU, LSTM } from '@octet/nn';
import type { GraphModule } from '@octet/nn/graph';
import {
  Conversion,
  calibrate,
  convertFx,
  FakeQuantize,
  FakeQuantizeBase,
  LearnableFakeQuantize,
  MinMaxObserver,
  type ModuleRule,
  prepareQatFx,
  QConfig,
  QConfigMapping,
  quantizeDynamic,
  quantized,
} from '@octet/quantization';
import type { Tensor } from '@octet/tensor';
import type { ModelInput } from '../inputs';
import { dynamicOf } from './dynamic-layers';
import { int4Of } from './grouped-layers';
import { calledPaths } from './layer-parts';
import { varied } from './vary';

export type AnyGraph = GraphModule<Tensor | Tensor[]>;

/** How a graph is made int8. */
export interface Recipe {
  /** For all layers. */
  readonly qconfig: QConfig;
  /** Paths of layers that the user's recipe names, with theirs; null leaves in float. */
  readonly named: ReadonlyMap<string, QConfig | null>;
  /** Layers that the search leaves in float. */
  readonly inFloat: readonly string[];
  /** Layers that the search leaves in float but for their weights, which are int8. */
  readonly weightOnly: readonly string[];
  /** Layers that quantize their inputs at every call, and give floats. A simulation has their weights in int8 alone. */
  readonly dynamic: readonly string[];
  /** Layers with 4-bit integers as weights, and how many columns of these share a scale. */
  readonly int4: ReadonlyMap<string, number>;
  /** Whether the linear ones of these are rounded by `gptq`. */
  readonly int4Rounded: boolean;
  /** How many variations of the inputs are calibrated with beside them. */
  readonly variations: number;
  /** What became of the weights, in this order. Alpha of `smoothQuant`, unless that is left out. */
  readonly smooth: number | undefined;
  readonly equalized: boolean;
  /** By `gptq`. */
  readonly rounded: boolean;
  /** By `correctBias`. */
  readonly corrected: boolean;
  readonly rules: readonly ModuleRule[] | undefined;
}

/** The recipe as `prepareFx` takes it. */
export function mappingOf(
  { qconfig, named, inFloat, weightOnly, dynamic, int4 }: Recipe,
  of = (q: QConfig) => q,
): QConfigMapping {
  const mapping = new QConfigMapping().setGlobal(of(qconfig));
  for (const [path, own] of named) mapping.setModuleName(path, own && of(own));
  return mapping.exclude(...inFloat, ...weightOnly, ...dynamic, ...int4.keys());
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
  for (const path of [...recipe.weightOnly, ...recipe.dynamic]) {
    const layer = simulation.getSubmodule(path);
    const { qconfig } = recipe;
    const made = await quantized.WeightOnly.fromFloat(layer, (weight, name) =>
      new Conversion('quantize', `${path}.${name}`, qconfig, layer).weight(weight),
    );
    simulation.setSubmodule(path, made);
  }
  for (const [path, groupSize] of recipe.int4)
    simulation.setSubmodule(path, await int4Of(simulation.getSubmodule(path), path, groupSize));
  const quantizers = quantizersOf(simulation);
  for (const quantizer of quantizers) {
    quantizer.enableObserver();
    quantizer.enableFakeQuant(false);
  }
  await calibrate(simulation, inputs);
  for (let n = 0; n < recipe.variations; n++) await calibrate(simulation, [await varied(inputs, n)]);
  for (const quantizer of quantizers) {
    quantizer.enableObserver(false);
    quantizer.enableFakeQuant();
  }
  return simulation;
}

export function quantizersOf(model: AnyModule): FakeQuantizeBase[] {
  return model.modules().filter((module) => module instanceof FakeQuantizeBase);
}

/** Layers with weights that compute in int8, by path, in the order of the graph. Not all have a weight that is simulated: transposed convolutions don't. */
export function weightedLayers(simulation: AnyGraph): string[] {
  return layersWithWeights(simulation).filter(
    (path) => quantizersOf(simulation.getSubmodule(path)).length > 0,
  );
}

/** The fake quantizer of what a module gives, if it has one. */
export function outputQuantizers(module: AnyModule): FakeQuantizeBase[] {
  const { activationPostProcess } = module as { activationPostProcess?: unknown };
  return activationPostProcess instanceof FakeQuantizeBase ? [activationPostProcess] : [];
}

/** Nodes whose weights aren't int8 alone yet, by path. */
export function layersWithWeights(model: AnyGraph): string[] {
  return calledPaths(model).filter((path) => {
    const layer = model.getSubmodule(path);
    return !(layer instanceof quantized.WeightOnly) && layer.parameters().some(({ dim }) => dim >= 2);
  });
}

/** LSTM and GRU layers of floats, by path: `int8Of` gives them int8 weights, and they quantize their inputs at every call. */
export function recurrentLayers(model: AnyGraph): string[] {
  const inside = new Set<AnyModule>();
  return model.namedModules().flatMap(([path, module]) => {
    if (module instanceof quantized.WeightOnly) for (const part of module.modules()) inside.add(part);
    const isFloat = module.constructor === LSTM || module.constructor === GRU;
    return isFloat && !inside.has(module) ? [path] : [];
  });
}

/** The int8 graph of a simulation; recurrent and dynamic layers have int8 weights too. */
export async function int8Of({
  simulation,
  recipe: { qconfig, rules, dynamic },
}: {
  readonly simulation: AnyGraph;
  readonly recipe: Recipe;
}): Promise<AnyGraph> {
  const isFloat = quantizersOf(simulation).length === 0;
  const int8 = isFloat ? simulation.clone() : await convertFx(simulation, rules && { rules });
  for (const path of dynamic)
    int8.setSubmodule(path, dynamicOf(int8.getSubmodule(path) as quantized.WeightOnly));
  const paths = recurrentLayers(int8);
  if (paths.length === 0) return int8;
  const layers = new QConfigMapping();
  const recurrent = new QConfig({ activation: MinMaxObserver, weight: qconfig.weight });
  for (const path of paths) layers.setModuleName(path, recurrent);
  return quantizeDynamic(int8, { layers, ...(rules && { rules }) });
}
