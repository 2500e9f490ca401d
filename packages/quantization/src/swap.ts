/** Replacing layers of a model by others, with all that belongs to them. */
import { QuantizationError, warn } from '@octet/backend';
import { type AnyModule, hasHooks, moveHooks } from '@octet/nn/modules';

/** Which module takes the place of which. */
export type Swaps = ReadonlyMap<AnyModule, AnyModule>;

/** The modules of a model with their paths, each once; what lies inside a whole one is left out. */
export function layersOf(
  model: AnyModule,
  isWhole: (module: AnyModule) => boolean,
): [path: string, module: AnyModule][] {
  const inside = new Set<AnyModule>();
  return model.namedModules().filter(([, module]) => {
    if (inside.has(module) || isWhole(module)) for (const child of module.children()) inside.add(child);
    return !inside.has(module);
  });
}

/**
 * The model with its layers swapped, hooks included; another module if it is a layer itself.
 * @throws QuantizationError if that should happen in place
 */
export function swapLayers<M extends AnyModule>(op: string, model: M, swaps: Swaps, inplace: boolean): M {
  if (inplace && swaps.has(model)) {
    throw new QuantizationError({
      op,
      expected: 'layers inside the model, for inplace',
      found: `${model.constructor.name}, a layer itself`,
      fix: `Leave out inplace, and use what ${op} returns.`,
    });
  }
  const places = model.namedModules();
  for (const [, module] of places) {
    // What takes the place of a module may hold the same layers.
    const parent = swaps.get(module) ?? module;
    for (const [name, child] of parent.namedChildren()) {
      const other = swaps.get(child);
      if (other) parent.setSubmodule(name, other);
    }
  }
  const swapped = places.flatMap(([path, from]) => {
    const to = swaps.get(from);
    return to ? [{ path, from, to }] : [];
  });
  for (const { from, to } of swapped) moveHooks(from, to);
  for (const { path, from, to } of swapped) warnOfLostHooks(op, path, from, to);
  return (swaps.get(model) as M | undefined) ?? model;
}

/** Hooks on what is inside a replaced module have no place in a module that computes all at once. */
export function warnOfLostHooks(op: string, path: string, from: AnyModule, to: AnyModule): void {
  const stay = new Set(to.modules());
  if (from.modules().some((module) => hasHooks(module) && !stay.has(module)))
    warn(`${op}: hooks inside ${named(path, from)} are lost: ${to.constructor.name} computes all at once`);
}

/** How texts call a module: its path and class. */
export function named(path: string, module: AnyModule): string {
  return path === '' ? module.constructor.name : `${path} (${module.constructor.name})`;
}
