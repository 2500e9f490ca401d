import { type AnyModule, Conv2d, Identity, Linear, type Module, moveHooks, Parameter, ReLU } from '@octet/nn';
import { FloatIsland, fuseModules, intrinsic, qat } from '@octet/quantization';

/**
 * A copy of `model` in plain float, in evaluation mode, with the layers fused as `converted` has them: so that both have
 * the same layers at the same paths, those left in float (`leaveInFloat`) too. Observers go, and layers trained with simulated quantization become those that they
 * simulate, with batch normalisation folded.
 *
 * @throws ModuleError, QuantizationError if `converted` can't have come from `model`
 */
export function floatTwin<M extends AnyModule>(model: M, converted: AnyModule): M {
  const twin = model.clone().eval();
  for (const [path, module] of twin.namedModules()) {
    if ('activationPostProcess' in module) module.activationPostProcess = undefined;
    const float = withoutSimulation(module);
    if (!float) continue;
    moveHooks(module, float);
    twin.setSubmodule(path, float);
  }
  const groups = groupsToFuse(twin, converted);
  if (groups.length > 0) fuseModules(twin, groups);
  for (const [path, module] of converted.namedModules()) {
    if (!(module instanceof FloatIsland)) continue;
    const layer = twin.getSubmodule(path);
    if (!(layer instanceof FloatIsland)) twin.setSubmodule(path, new FloatIsland(layer as Module));
  }
  return twin;
}

function withoutSimulation(module: AnyModule): AnyModule | undefined {
  if (module instanceof qat.Conv2d) {
    const { weight, bias } = module instanceof qat.ConvBn2d ? module.folded() : module;
    const conv = new Conv2d(module.inChannels, module.outChannels, module.kernelSize, {
      ...module.options,
      bias: bias !== undefined,
    });
    conv.weight = new Parameter(weight);
    conv.bias = bias && new Parameter(bias);
    const relu = module instanceof qat.ConvReLU2d || module instanceof qat.ConvBnReLU2d;
    return (relu ? new intrinsic.ConvReLU2d(conv, new ReLU()) : conv).eval();
  }
  if (module instanceof qat.Linear) {
    const linear = new Linear(module.inFeatures, module.outFeatures, { bias: module.bias !== undefined });
    linear.weight = module.weight;
    linear.bias = module.bias;
    return (module instanceof qat.LinearReLU ? new intrinsic.LinearReLU(linear, new ReLU()) : linear).eval();
  }
  return undefined;
}

/** Fusing leaves an Identity where a layer went into the one before: the runs of those that `twin` still has. */
function groupsToFuse(twin: AnyModule, converted: AnyModule): string[][] {
  const groups: string[][] = [];
  for (const [parent, module] of converted.namedModules()) {
    let group: string[] = [];
    for (const [name, child] of module.namedChildren()) {
      const path = parent === '' ? name : `${parent}.${name}`;
      const absorbed = child instanceof Identity && !(twin.getSubmodule(path) instanceof Identity);
      if (!absorbed) group = [path];
      else if (group.push(path) === 2) groups.push(group);
    }
  }
  return groups;
}
