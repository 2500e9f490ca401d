import type { AnyModule, Measured } from '@octet/nn';
import { intrinsic, type ModuleRules } from '@octet/quantization';
import { Tensor } from '@octet/tensor';
import type { Call } from './record';

/** A layer in both forms. */
export interface LayerPair {
  readonly path: string;
  readonly float: AnyModule;
  /** The float one's own class if it was left in float. */
  readonly int8: AnyModule;
}

/**
 * The layers of `converted` that compute, with those of its float model: what has no layers of its own, and what counts as
 * one (fused layers, LSTM, and those with a rule).
 */
export function layerPairs(floatModel: AnyModule, converted: AnyModule, rules: ModuleRules): LayerPair[] {
  const isLayer = (module: AnyModule, path: string) =>
    isWhole(rules, module) || isWhole(rules, floatModel.getSubmodule(path));
  return leavesOf(converted, isLayer).flatMap(([path, int8]) => {
    const float = floatModel.getSubmodule(path);
    return rules.isTransparent(float) ? [] : [{ path, float, int8 }];
  });
}

/** Whether a module counts as one layer, whatever is inside. */
export function isWhole(rules: ModuleRules, module: AnyModule): boolean {
  return rules.isLayer(module) || rules.dynamicTypes.some((type) => module instanceof type);
}

/** The layers of a model that have none inside, or count as one. */
export function leavesOf(
  model: AnyModule,
  isLayer: (module: AnyModule, path: string) => boolean,
  at = '',
): [path: string, module: AnyModule][] {
  return model.namedChildren().flatMap(([name, child]): [string, AnyModule][] => {
    const path = at === '' ? name : `${at}.${name}`;
    return child.children().length === 0 || isLayer(child, path)
      ? [[path, child]]
      : leavesOf(child, isLayer, path);
  });
}

/** Whether the layer computes on integers, or has int8 weights. */
export function isInt8({ float, int8 }: LayerPair): boolean {
  return float.constructor !== int8.constructor;
}

/** The name of a layer's class. Bundlers write an underscore before that of a class which names itself. */
export function typeName(layer: AnyModule): string {
  return layer.constructor.name.replace(/^_/, '');
}

/** Multiplications of one call; those of a fused layer are its parts'. */
export function macsOf(layer: AnyModule, { args, output }: Call): number {
  const [input] = args;
  if (!(input instanceof Tensor)) return 0;
  const parts: (AnyModule & Measured)[] = layer instanceof intrinsic.FusedModule ? layer.children() : [layer];
  return parts.reduce((sum, part) => sum + (part.macs?.(input.shape, output.shape) ?? 0), 0);
}

/** The bytes of a layer's weights and biases. */
export function bytesOf(layer: AnyModule): number {
  const own = (layer as Measured).parameterBytes;
  return own ?? [...layer.parameters(), ...layer.buffers()].reduce((sum, t) => sum + t.nbytes, 0);
}
