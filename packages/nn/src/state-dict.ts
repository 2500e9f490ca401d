import {
  type Backend,
  BackendError,
  describe,
  isFloatDType,
  ModuleError,
  type TypedArray,
} from '@octet/backend';
import { formatShape, kernel, noGrad, sameShape, Tensor } from '@octet/tensor/functional';

/** Names as in a PyTorch checkpoint, in the order of the modules' fields. The tensors share the model's memory. */
export type StateDict = Record<string, Tensor>;

/** What `loadStateDict` found without a counterpart; empty when it is strict. */
export interface LoadResult {
  missingKeys: string[];
  unexpectedKeys: string[];
}

/**
 * A field's name as PyTorch writes it: `runningMean` → `running_mean`, `weightIhL0` → `weight_ih_l0`. A name that has
 * an underscore or starts with a capital is taken as it is (`Conv2d_1a_3x3`).
 */
export function stateKey(field: string): string {
  if (/_|^[A-Z]/.test(field)) return field;
  return field
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toLowerCase();
}

/** What a module's `saveState` hands its entries to. */
export interface SaveState {
  (key: string, tensor: Tensor): void;
  /** Where the module is: for entries that are made when they are saved. */
  readonly backend?: Backend;
}

/** The findings of one `loadStateDict`, over all modules. */
export interface LoadReport {
  /** Entries that aren't there, and whose they would be. */
  readonly missing: { readonly path: string; readonly owner: object; readonly part: string }[];
  /** The parts of each owner that are there, under one name or another: a tensor, or what a module calls by its key. */
  readonly found: Map<object, Set<string>>;
  /** Tensors that others took the place of. */
  readonly replaced: Map<Tensor, Tensor>;
  readonly problems: string[];
  readonly seen: Set<string>;
  readonly commits: (() => void)[];
}

/**
 * What a module's `loadState` works with. Loading has two phases, so that a state dict that doesn't fit changes
 * nothing: `loadState` takes the entries and checks them; what it hands to `commit` runs when all modules are content.
 */
export class StateLoader {
  constructor(
    private readonly state: Readonly<StateDict>,
    /** Of this module's keys: '' or 'layers.0.'. */
    readonly prefix: string,
    private readonly report: LoadReport,
    private readonly module: object,
  ) {}

  /** The same load, as the child `name` sees it. */
  child(name: string, module: object): StateLoader {
    return new StateLoader(this.state, `${this.prefix}${name}.`, this.report, module);
  }

  has(key: string): boolean {
    return Object.hasOwn(this.state, this.prefix + key);
  }

  /**
   * The entry `key` of this module (PyTorch's name, without the prefix). Without it: undefined, noted as missing, unless the
   * same tensor `own`, or without one the same module's entry, is there under another name.
   */
  take(key: string, own?: Tensor): Tensor | undefined {
    const path = this.prefix + key;
    const { missing, found: parts, seen } = this.report;
    const owner = own ?? this.module;
    const part = own ? '' : key;
    if (!this.has(key)) {
      missing.push({ path, owner, part });
      return undefined;
    }
    seen.add(path);
    parts.set(owner, (parts.get(owner) ?? new Set()).add(part));
    const found: unknown = this.state[path];
    if (found instanceof Tensor) return found;
    kernel.requireOwnTensor('loadStateDict', found);
    this.reject(key, 'a tensor', typeof found);
    return undefined;
  }

  /**
   * As `take`, for an entry that must have the shape and dtype of `own`; float32 and float64 convert into each other.
   * Undefined, with the problem noted, if it doesn't. @throws BackendError as `read`, if it is on another backend than `own`
   */
  takeLike(key: string, own: Tensor, { anyShape = false }: { anyShape?: boolean } = {}): Tensor | undefined {
    const found = this.take(key, own);
    if (!found) return undefined;
    if (found.backend !== own.backend) requireReadable(found);
    if (!anyShape && !sameShape(found.shape, own.shape)) {
      this.reject(key, `shape ${formatShape(own.shape)}`, formatShape(found.shape));
      return undefined;
    }
    if (found.dtype !== own.dtype && !(isFloatDType(found.dtype) && isFloatDType(own.dtype))) {
      this.reject(key, own.dtype, found.dtype);
      return undefined;
    }
    return found;
  }

  /**
   * The elements of the entry `key`, taken as by `take`: for state that is no tensor.
   * @throws BackendError if they are where nothing can be read at once: that is for `loadStateDictAsync`
   */
  read(key: string): TypedArray | undefined {
    const found = this.take(key);
    if (found) requireReadable(found);
    return found?.dataSync();
  }

  /** Forgives that the entry `key` is missing: what older checkpoints lack. */
  forgive(key: string): void {
    const { missing } = this.report;
    const at = missing.findIndex(({ path }) => path === this.prefix + key);
    if (at >= 0) missing.splice(at, 1);
  }

  /** For `commit`: another tensor in the place of `own`, the same one wherever `own` is. */
  replace<T extends Tensor>(own: T, make: () => T): T {
    const { replaced } = this.report;
    const other = (replaced.get(own) as T | undefined) ?? make();
    replaced.set(own, other);
    return other;
  }

  /** Notes that the entry `key` doesn't fit: nothing at all will be loaded. */
  reject(key: string, expected: string, found: string): void {
    this.report.problems.push(`${this.prefix}${key}: expected ${expected}, found ${found}`);
  }

  /** Runs `change` once every module has found its entries in order. */
  commit(change: () => void): void {
    this.report.commits.push(change);
  }
}

function requireReadable({ backend }: Tensor): void {
  if (backend.readSync) return;
  throw new BackendError({
    op: 'loadStateDict',
    expected: 'a state dict that can be read at once',
    found: `tensors of backend '${backend.name}', which can't`,
    fix: 'Nothing was loaded. Use await model.loadStateDictAsync(state).',
  });
}

/**
 * Checks the whole of `state` by `visit`, then loads it. Returns what had no counterpart, and the tensors that others took
 * the place of. @throws ModuleError with everything that is wrong
 */
export function load(
  name: string,
  state: Readonly<StateDict>,
  strict: boolean,
  module: object,
  visit: (loader: StateLoader) => void,
): [LoadResult, replaced: ReadonlyMap<Tensor, Tensor>] {
  if (!(state instanceof Object) || state instanceof Promise) {
    throw new ModuleError({
      op: 'loadStateDict',
      expected: 'a state dict',
      found: describe(state),
      fix: 'Pass what stateDict() gave, or await load(file).',
    });
  }
  const report: LoadReport = {
    ...{ missing: [], problems: [], commits: [] },
    ...{ seen: new Set(), found: new Map(), replaced: new Map() },
  };
  visit(new StateLoader(state, '', report, module));
  const missingKeys = report.missing
    .filter(({ owner, part }) => !report.found.get(owner)?.has(part))
    .map(({ path }) => path);
  const unexpectedKeys = Object.keys(state).filter((key) => !report.seen.has(key));
  const wrong = [...report.problems];
  if (strict) {
    wrong.push(...missingKeys.map((key) => `${key}: missing`));
    wrong.push(...unexpectedKeys.map((key) => `${key}: unexpected`));
  }
  if (wrong.length > 0) {
    const count = wrong.length === 1 ? "1 entry that doesn't" : `${wrong.length} entries that don't`;
    throw new ModuleError({
      op: 'loadStateDict',
      expected: `a state dict that fits ${name}`,
      found: `${count}:\n  ${wrong.join('\n  ')}`,
      fix: 'Nothing was loaded. Build the model with the arguments it was saved with; { strict: false } forgives missing and unexpected entries, nothing else.',
    });
  }
  noGrad(() => {
    for (const commit of report.commits) commit();
  });
  return [{ missingKeys, unexpectedKeys }, report.replaced];
}
