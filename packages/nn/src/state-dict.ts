import { BackendError, isFloatDType, ModuleError, type TypedArray } from '@octet/backend';
import { formatShape, kernel, noGrad, sameShape, Tensor } from '@octet/tensor';

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

/** The findings of one `loadStateDict`, over all modules. */
export interface LoadReport {
  readonly missing: string[];
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
  ) {}

  /** The same load, as the child `name` sees it. */
  child(name: string): StateLoader {
    return new StateLoader(this.state, `${this.prefix}${name}.`, this.report);
  }

  has(key: string): boolean {
    return Object.hasOwn(this.state, this.prefix + key);
  }

  /** The entry `key` of this module (PyTorch's name, without the prefix). Without it: undefined, noted as missing. */
  take(key: string): Tensor | undefined {
    const path = this.prefix + key;
    if (!this.has(key)) {
      this.report.missing.push(path);
      return undefined;
    }
    this.report.seen.add(path);
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
    const found = this.take(key);
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

/** Checks the whole of `state` by `visit`, then loads it. @throws ModuleError with everything that is wrong */
export function load(
  name: string,
  state: Readonly<StateDict>,
  strict: boolean,
  visit: (loader: StateLoader) => void,
): LoadResult {
  const report: LoadReport = { missing: [], problems: [], seen: new Set(), commits: [] };
  visit(new StateLoader(state, '', report));
  const unexpectedKeys = Object.keys(state).filter((key) => !report.seen.has(key));
  const wrong = [...report.problems];
  if (strict) {
    wrong.push(...report.missing.map((key) => `${key}: missing`));
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
  return { missingKeys: report.missing, unexpectedKeys };
}
