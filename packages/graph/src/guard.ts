import { FreedError, ModuleError } from '@octet/backend';
import { Tensor } from '@octet/tensor/functional';

type Storage = Tensor['storage'];
type Fields = Readonly<Record<string, unknown>>;

/** What of a field is watched: tensors by identity, and what is no object. */
function watched(value: unknown): boolean {
  return (
    (value instanceof Tensor || (typeof value !== 'object' && typeof value !== 'function')) &&
    !Number.isNaN(value)
  );
}

/** The fields of modules at one time. */
export class FieldsSeen {
  private readonly modules: Fields[] = [];
  private readonly names: string[] = [];
  private readonly values: unknown[] = [];
  private readonly paths: string[] = [];

  constructor(modules: Iterable<readonly [path: string, module: object]>) {
    for (const [path, module] of modules) {
      for (const [name, value] of Object.entries(module)) {
        if (watched(value)) this.add(path, module as Fields, name, value);
      }
    }
  }

  private add(path: string, module: Fields, name: string, value: unknown): void {
    this.modules.push(module);
    this.names.push(name);
    this.values.push(value);
    this.paths.push(path);
  }

  /** Forgets those that have changed since: a forward changes them by itself. */
  dropChanged(): void {
    for (let i = this.names.length - 1; i >= 0; i--) {
      if (this.modules[i][this.names[i]] === this.values[i]) continue;
      for (const list of [this.modules, this.names, this.values, this.paths]) list.splice(i, 1);
    }
  }

  /** @throws ModuleError if a field has another value now */
  check(): void {
    const { modules, names, values } = this;
    for (let i = 0; i < names.length; i++) {
      if (modules[i][names[i]] !== values[i]) throw this.changed(i);
    }
  }

  private changed(i: number): ModuleError {
    const [name, value, module] = [this.names[i], this.values[i], this.modules[i]];
    const text = (v: unknown) => (v instanceof Tensor ? 'another tensor' : String(v));
    const before =
      value instanceof Tensor ? `the tensor of the time of planning` : `${String(value)}, as planned`;
    const error = new ModuleError({
      op: 'plan.run',
      expected: `${name} to be ${before}`,
      found: text(module[name]),
      fix:
        name === 'training'
          ? 'Call model.eval().'
          : 'Make a new plan, by planOf, after a change of the model.',
    });
    error.placeIn(this.paths[i], module.constructor.name);
    return error;
  }
}

/** The contents of memory at one time. */
export class ContentsSeen {
  private readonly versions: number[];

  constructor(
    private readonly storages: readonly Storage[],
    private readonly nameOf: (storage: Storage) => string,
  ) {
    this.versions = storages.map((s) => s.version);
  }

  /** @throws ModuleError if one was written to, FreedError if it was freed */
  check(): void {
    const { storages, versions } = this;
    for (let i = 0; i < storages.length; i++) {
      const storage = storages[i];
      if (storage.version !== versions[i] || storage.freed) throw this.changed(storage);
    }
  }

  private changed(storage: Storage): ModuleError | FreedError {
    const name = this.nameOf(storage);
    const details = { op: 'plan.run', expected: `${name} to be as it was at the time of planning` };
    const fix = 'Make a new plan, by planOf, after a change of the weights.';
    if (storage.freed) return new FreedError({ ...details, found: 'it was freed', fix });
    return new ModuleError({ ...details, found: `'${storage.writer}' has changed it`, fix });
  }
}

/** @throws ModuleError if one of the modules is in training mode */
export function requireEvaluation(modules: readonly (readonly [path: string, module: object])[]): void {
  for (const [path, module] of modules) {
    if (!(module as { training?: unknown }).training) continue;
    const error = new ModuleError({
      op: 'planOf',
      expected: 'a model in evaluation mode',
      found: 'training mode',
      fix: 'Call model.eval() before planOf.',
    });
    error.placeIn(path, module.constructor.name);
    throw error;
  }
}
