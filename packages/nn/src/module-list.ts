import { describe, ModuleError } from '@octet/backend';
import { type AnyModule, Module, requireModule } from './module';
import { itemAt, listItems } from './sequential';

/** A list of modules as a field of another; the children are '0', '1', … It computes nothing itself. */
export class ModuleList<M extends AnyModule = Module> extends Module<never[], never> implements Iterable<M> {
  static override readonly name: string = 'ModuleList';

  [index: number]: M;

  constructor(modules: Iterable<M> = []) {
    super();
    if (typeof modules?.[Symbol.iterator] !== 'function') {
      throw new ModuleError({
        op: 'ModuleList',
        expected: 'modules in an array',
        found: describe(modules),
        fix: 'Write new ModuleList([first, second]).',
      });
    }
    for (const module of modules) this.append(module);
  }

  /** @throws ModuleError always */
  forward(): never {
    throw new ModuleError({
      op: 'ModuleList',
      expected: 'its modules to be called one by one',
      found: 'a call of the list',
      fix: 'Loop over it in your forward, or use Sequential.',
    });
  }

  get length(): number {
    return listItems(this).length;
  }

  /** The module at `index`; negative ones count from the end. @throws ArgumentError if there is none */
  at(index: number): M {
    return itemAt('ModuleList.at', listItems<M>(this), index);
  }

  append(module: M): this {
    this[this.length] = requireModule('ModuleList', module);
    return this;
  }

  [Symbol.iterator](): Iterator<M> {
    return listItems<M>(this)[Symbol.iterator]();
  }
}
