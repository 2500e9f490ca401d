import { type AnyModule, Identity, type Module, moveHooks } from '@octet/nn';
import { FloatIsland, fuseModules, type ModuleRule, toFloat } from '@octet/quantization';

/**
 * A copy of `model` in plain float, in evaluation mode, with the layers fused as `converted` has them: so that both have
 * the same layers at the same paths, those left in float (`leaveInFloat`) too. Observers go, and layers trained with simulated
 * quantization become those that they simulate, with batch normalisation folded.
 *
 * @throws ModuleError, QuantizationError if `converted` can't have come from `model`; QuantizationError for a layer that
 * simulates rounding and has no `toFloat()`
 */
export function toFloatModel<M extends AnyModule>(
  model: M,
  converted: AnyModule,
  rules?: readonly ModuleRule[],
): M {
  const copy = withoutRounding(model.clone().eval());
  const groups = groupsToFuse(copy, converted);
  if (groups.length > 0) fuseModules(copy, groups, rules && { rules });
  for (const [path, module] of converted.namedModules()) {
    if (!(module instanceof FloatIsland)) continue;
    const layer = copy.getSubmodule(path);
    if (!(layer instanceof FloatIsland)) copy.setSubmodule(path, new FloatIsland(layer as Module));
  }
  return copy;
}

function withoutRounding<M extends AnyModule>(model: M): M {
  const swaps = new Map<AnyModule, AnyModule>();
  for (const [path, module] of model.namedModules()) {
    if ('activationPostProcess' in module) module.activationPostProcess = undefined;
    const float = toFloat(module, path);
    if (float === module) continue;
    moveHooks(module, float);
    swaps.set(module, float.eval());
  }
  for (const module of model.modules()) {
    for (const [name, child] of module.namedChildren()) {
      const float = swaps.get(child);
      if (float) module.setSubmodule(name, float);
    }
  }
  return (swaps.get(model) as M | undefined) ?? model;
}

/** Fusing leaves an Identity where a layer went into the one before: the runs of those that `model` still has. */
function groupsToFuse(model: AnyModule, converted: AnyModule): string[][] {
  const groups: string[][] = [];
  for (const [parent, module] of converted.namedModules()) {
    let group: string[] = [];
    for (const [name, child] of module.namedChildren()) {
      const path = parent === '' ? name : `${parent}.${name}`;
      const absorbed = child instanceof Identity && !(model.getSubmodule(path) instanceof Identity);
      if (!absorbed) group = [path];
      else if (group.push(path) === 2) groups.push(group);
    }
  }
  return groups;
}
