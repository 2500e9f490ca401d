import { ArgumentError } from '@octet/backend';
import { type Tensor, tidy } from '@octet/tensor/functional';
import { Module, requireModule } from './module';

/** Modules one after another; the children are '0', '1', … */
export class Sequential extends Module implements Iterable<Module> {
  static override readonly name: string = 'Sequential';

  [index: number]: Module;

  constructor(...modules: readonly Module[]) {
    super();
    for (const module of modules) this.append(module);
  }

  static readonly pure = true;

  forward(x: Tensor): Tensor {
    return tidy((release) => {
      let y = x;
      for (const module of this) {
        const next = requireModule('Sequential', module).call(y);
        if (next.storage !== y.storage) release(y);
        y = next;
      }
      return y;
    });
  }

  get length(): number {
    return listItems(this).length;
  }

  /** The module at `index`; negative ones count from the end. @throws ArgumentError if there is none */
  at(index: number): Module {
    return itemAt('Sequential.at', listItems<Module>(this), index);
  }

  append(module: Module): this {
    this[this.length] = requireModule('Sequential', module);
    return this;
  }

  [Symbol.iterator](): Iterator<Module> {
    return listItems<Module>(this)[Symbol.iterator]();
  }
}

/** The values of a list's fields '0', '1', … */
export function listItems<M>(list: { readonly [index: number]: M }): M[] {
  const found: M[] = [];
  for (let i = 0; i in list; i++) found.push(list[i]);
  return found;
}

/** @throws ArgumentError if `index` is out of range. */
export function itemAt<M>(op: string, modules: readonly M[], index: number): M {
  const module = modules.at(index);
  if (module !== undefined && Number.isInteger(index)) return module;
  throw new ArgumentError({
    op,
    expected:
      modules.length > 0
        ? `an index from ${-modules.length} to ${modules.length - 1}`
        : 'a list that is not empty',
    found: String(index),
    fix: `It holds ${modules.length}.`,
  });
}
