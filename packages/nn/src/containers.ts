/** Modules that hold modules or parameters under keys, and parameters in a list. They compute nothing themselves. */
import { describe, ModuleError } from '@octet/backend';
import { Tensor } from '@octet/tensor/functional';
import { type AnyModule, Module, requireModule } from './module';
import { Parameter } from './parameter';
import { itemAt, listItems } from './sequential';

/**
 * A module whose fields of one kind are its entries: state-dict keys are made of their names as of all fields. PyTorch's order is that of
 * insertion; here whole numbers as keys come first.
 */
abstract class Dict<V extends object> extends Module<never[], never> implements Iterable<[string, V]> {
  /** What is stored of what is given. @throws ModuleError for other things */
  protected abstract checked(value: unknown): V;
  protected abstract isEntry(value: unknown): value is V;

  protected fill(
    op: string,
    entries: Iterable<readonly [string, unknown]> | Readonly<Record<string, unknown>>,
  ): void {
    if (typeof entries !== 'object' || entries === null) {
      throw new ModuleError({
        op,
        expected: 'an object, or pairs of keys and values',
        found: describe(entries),
        fix: `Write new ${op}({ key: value }).`,
      });
    }
    const pairs =
      Symbol.iterator in entries
        ? (entries as Iterable<readonly [string, unknown]>)
        : Object.entries(entries);
    for (const [key, value] of pairs) this.set(key, value as V);
  }

  /** @throws ModuleError always */
  forward(): never {
    throw new ModuleError({
      op: this.constructor.name,
      expected: 'its entries to be used one by one',
      found: 'a call of the whole',
      fix: 'Take an entry by get(key) in your forward.',
    });
  }

  private get fields(): Record<string, unknown> {
    return this as unknown as Record<string, unknown>;
  }

  /** How many entries there are. */
  get size(): number {
    return this.keys().length;
  }

  has(key: string): boolean {
    return Object.hasOwn(this, key) && this.isEntry(this.fields[key]);
  }

  /** The entry of a key. @throws ModuleError if there is none */
  get(key: string): V {
    if (this.has(key)) return this.fields[key] as V;
    throw new ModuleError({
      op: `${this.constructor.name}.get`,
      expected: `one of the keys ${this.keys().join(', ')}`,
      found: describe(key),
      fix: 'has(key) says whether there is one.',
    });
  }

  /** @throws ModuleError for a key that is a field or a method of modules, has a dot or is empty, and for a value of another kind */
  set(key: string, value: V): this {
    const taken = !this.has(key) && key in this;
    if (typeof key !== 'string' || key === '' || key.includes('.') || taken) {
      throw new ModuleError({
        op: `${this.constructor.name}.set`,
        expected: 'a key without dots that is no field of the module',
        found: describe(key),
        fix: 'Rename it.',
      });
    }
    this.fields[key] = this.checked(value);
    return this;
  }

  /** Takes an entry out; whether there was one. */
  delete(key: string): boolean {
    return this.has(key) && Reflect.deleteProperty(this, key);
  }

  clear(): void {
    for (const key of this.keys()) this.delete(key);
  }

  keys(): string[] {
    return Object.keys(this).filter((key) => this.has(key));
  }

  values(): V[] {
    return this.keys().map((key) => this.get(key));
  }

  entries(): [string, V][] {
    return this.keys().map((key) => [key, this.get(key)]);
  }

  /** Sets the entries of another, or of an object. */
  update(entries: Iterable<readonly [string, V]> | Readonly<Record<string, V>>): this {
    this.fill(this.constructor.name, entries);
    return this;
  }

  [Symbol.iterator](): Iterator<[string, V]> {
    return this.entries()[Symbol.iterator]();
  }
}

/** Modules under keys; the children have the keys as names. */
export class ModuleDict<M extends AnyModule = Module> extends Dict<M> {
  static override readonly name: string = 'ModuleDict';

  constructor(modules: Iterable<readonly [string, M]> | Readonly<Record<string, M>> = {}) {
    super();
    this.fill('ModuleDict', modules);
  }

  protected override checked(value: unknown): M {
    return requireModule('ModuleDict', value as M);
  }

  protected override isEntry(value: unknown): value is M {
    return value instanceof Module;
  }
}

/** Parameters under keys. A plain tensor becomes a parameter. */
export class ParameterDict extends Dict<Parameter> {
  static override readonly name: string = 'ParameterDict';

  constructor(parameters: Iterable<readonly [string, Tensor]> | Readonly<Record<string, Tensor>> = {}) {
    super();
    this.fill('ParameterDict', parameters);
  }

  protected override checked(value: unknown): Parameter {
    return asParameter('ParameterDict', value);
  }

  protected override isEntry(value: unknown): value is Parameter {
    return value instanceof Parameter;
  }
}

/** A list of parameters, named '0', '1', … A plain tensor becomes a parameter. */
export class ParameterList extends Module<never[], never> implements Iterable<Parameter> {
  static override readonly name: string = 'ParameterList';

  [index: number]: Parameter;

  constructor(parameters: Iterable<Tensor> = []) {
    super();
    if (typeof parameters?.[Symbol.iterator] !== 'function') {
      throw new ModuleError({
        op: 'ParameterList',
        expected: 'parameters in an array',
        found: describe(parameters),
        fix: 'Write new ParameterList([first, second]).',
      });
    }
    for (const parameter of parameters) this.append(parameter);
  }

  /** @throws ModuleError always */
  forward(): never {
    throw new ModuleError({
      op: 'ParameterList',
      expected: 'its parameters to be used one by one',
      found: 'a call of the list',
      fix: 'Take them by at(index) in your forward.',
    });
  }

  get length(): number {
    return listItems<Parameter>(this).length;
  }

  /** The parameter at `index`; negative ones count from the end. @throws ArgumentError if there is none */
  at(index: number): Parameter {
    return itemAt('ParameterList.at', listItems<Parameter>(this), index);
  }

  append(parameter: Tensor): this {
    this[this.length] = asParameter('ParameterList', parameter);
    return this;
  }

  [Symbol.iterator](): Iterator<Parameter> {
    return listItems<Parameter>(this)[Symbol.iterator]();
  }
}

function asParameter(op: string, value: unknown): Parameter {
  if (value instanceof Parameter) return value;
  if (value instanceof Tensor) return new Parameter(value);
  throw new ModuleError({
    op,
    expected: 'a parameter or a tensor',
    found: describe(value),
    fix: 'Pass tensors.',
  });
}
