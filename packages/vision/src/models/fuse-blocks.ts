import type { AnyModule } from '@octet/nn';

/** Fuses every block under `model` that has a `fuseModel` of its own: what the models' `fuseModel` does. */
export function fuseBlocks(model: AnyModule): void {
  for (const module of model.modules()) {
    if (module !== model && fusable(module)) module.fuseModel();
  }
}

function fusable(module: AnyModule): module is AnyModule & { fuseModel(): void } {
  return 'fuseModel' in module && typeof module.fuseModel === 'function';
}
