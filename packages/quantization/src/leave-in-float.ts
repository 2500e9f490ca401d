import { requireList } from '@octet/backend';
import { type AnyModule, Module, requireModule } from '@octet/nn/modules';
import type { Tensor } from '@octet/tensor/functional';
import { type QConfigMapping, requireRecipe } from './qconfig-mapping';
import { DeQuantStub, QuantStub } from './stubs';

/** A layer that stays in float among int8 ones: integers become floats before it, and integers again after it. */
export class FloatIsland extends Module {
  static override readonly name: string = 'FloatIsland';
  static readonly pure = true;

  readonly dequant = new DeQuantStub();
  readonly quant = new QuantStub();

  constructor(readonly layer: Module) {
    super();
    this.train(layer.training);
  }

  forward(x: Tensor): Tensor {
    return this.quant.call(this.layer.call(this.dequant.call(x)));
  }
}

/** A model and a recipe that fit each other. */
export interface Mixed<M> {
  readonly model: M;
  readonly mapping: QConfigMapping;
}

/**
 * A copy of a float model whose layers at `paths` will stay in float when it is prepared with the mapping returned and
 * converted: each stands between a DeQuantStub and a QuantStub, without which int8 tensors would reach a float layer.
 * Two such layers that follow one another still hand integers on. For layers of one input and one output.
 *
 * @param mapping the recipe of all others; it isn't changed
 * @throws ModuleError for a path that the model lacks, ArgumentError without a mapping
 */
export function leaveInFloat<M extends AnyModule>(
  model: M,
  paths: readonly string[],
  mapping: QConfigMapping,
): Mixed<M> {
  requireModule('leaveInFloat', model);
  requireList('leaveInFloat', 'paths', paths);
  requireRecipe('QConfigMapping', 'leaveInFloat', mapping, 'Use getDefaultQConfigMapping().');
  const mixed = model.clone({ hooks: true });
  const recipe = mapping.clone();
  const recipes = mapping.recipesOf(mixed);
  for (const path of paths) {
    const layer = mixed.getSubmodule(path);
    if (!(layer instanceof FloatIsland)) mixed.setSubmodule(path, new FloatIsland(layer));
    recipe.exclude(path);
    const qconfig = recipes.get(layer);
    if (qconfig) recipe.setModuleName(`${path}.dequant`, qconfig).setModuleName(`${path}.quant`, qconfig);
  }
  return { model: mixed, mapping: recipe };
}
