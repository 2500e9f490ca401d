import { ArgumentError, checkOptions, isFloatDType, ModuleError, warnOnce } from '@octet/backend';
import { formatShape, kernel, sameShape, Tensor } from '@octet/tensor';

/** What every optimizer's groups have. */
export interface Hyperparameters {
  /** The learning rate. */
  lr: number;
}

/** Parameters that learn alike. Change its values between steps as you like: schedulers do. */
export type ParamGroup<H extends Hyperparameters = Hyperparameters> = H & {
  params: Tensor[];
  /** The rate that a scheduler started from. */
  initialLr?: number;
};

/** What to learn: tensors, or groups of them with values of their own; what a group leaves out is the optimizer's. */
export type Params<H extends Hyperparameters = Hyperparameters> =
  | Iterable<Tensor>
  | Iterable<Partial<H> & { params: Iterable<Tensor> }>;

/** What an optimizer remembers of one parameter. */
export type ParamState = Record<string, Tensor | number>;

/** All parameters are counted through, over all groups; the state of parameter i is `state[i]`. */
export interface OptimizerState<H extends Hyperparameters = Hyperparameters> {
  state: Record<number, ParamState>;
  paramGroups: (H & { params: number[]; initialLr?: number })[];
}

/** Changes parameters by their gradients, in place, unrecorded. */
export abstract class Optimizer<H extends Hyperparameters, S extends object> {
  readonly paramGroups: ParamGroup<H>[] = [];
  protected readonly state = new Map<Tensor, S>();
  protected readonly defaults: H;

  /**
   * @throws ArgumentError for values that make no sense
   * @throws ModuleError without parameters, or for one that is no leaf or occurs twice
   */
  constructor(params: Params<H>, defaults: H) {
    this.defaults = defaults;
    const given = listOf<unknown>(this.name, params);
    if (given.some(isGroup)) for (const group of given) this.addParamGroup(group as never);
    else this.addParamGroup({ params: given } as never);
  }

  protected get name(): string {
    return this.constructor.name;
  }

  /** @throws ArgumentError for a value that makes no sense */
  protected abstract check(group: H): void;

  /** One parameter's step; `grad` lies in memory as the parameter does. */
  protected abstract update(param: Tensor, grad: Tensor, group: ParamGroup<H>): void;

  /** The names of what is remembered of each parameter of a group. */
  protected abstract stateKeys(group: H): readonly string[];

  /** Adds parameters with values of their own. @throws as the constructor */
  addParamGroup(group: Partial<H> & { params: Iterable<Tensor> }): void {
    const known = `params initialLr ${Object.keys(this.defaults).join(' ')}`;
    const params = listOf(this.name, checkOptions(this.name, group, known).params);
    const all = new Set(this.paramGroups.flatMap((g) => g.params));
    for (const [i, param] of params.entries()) {
      checkParameter(this.name, i, param, all.has(param));
      all.add(param);
    }
    const complete = { ...this.defaults, ...group, params };
    this.check(complete);
    this.paramGroups.push(complete);
  }

  /** Forgets the parameters' gradients. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups) for (const param of params) param.grad = undefined;
  }

  /** Changes every parameter that has a gradient. */
  step(): void {
    let any = false;
    for (const group of this.paramGroups) {
      for (const param of group.params) {
        if (!param.grad) continue;
        any = true;
        this.update(param, kernel.withStrides(param.grad.detach(), param.strides), group);
      }
    }
    if (any) return;
    warnOnce(
      `${this.name} without gradients`,
      `${this.name}.step() found no gradient and changed nothing. Call backward() before; and make the optimizer ` +
        'after model.to(), prepareQat() and the like, which give the model new parameters.',
    );
  }

  /** What to save to continue later. The tensors share the optimizer's memory. */
  stateDict(): OptimizerState<H> {
    const index = new Map(this.allParams().map((param, i) => [param, i]));
    const state: Record<number, ParamState> = {};
    for (const [param, values] of this.state)
      state[index.get(param) as number] = Object.fromEntries(Object.entries(values));
    const paramGroups = this.paramGroups.map((group) => ({
      ...group,
      params: group.params.map((param) => index.get(param) as number),
    }));
    return { state, paramGroups };
  }

  /**
   * Takes over the groups' values and copies of the state. Everything is checked before anything changes.
   * @throws ModuleError if groups, their sizes, or the state's names or shapes differ
   */
  loadStateDict({ state, paramGroups }: OptimizerState<H>): void {
    const sizes = (groups: readonly { params: readonly unknown[] }[]) =>
      formatShape(groups.map((g) => g.params.length));
    if (sizes(paramGroups) !== sizes(this.paramGroups)) {
      throw new ModuleError({
        op: `${this.name}.loadStateDict`,
        expected: `groups of ${sizes(this.paramGroups)} parameters`,
        found: sizes(paramGroups),
        fix: 'Make the optimizer with the same groups as the one that was saved.',
      });
    }
    const loaded = new Map<Tensor, S>();
    paramGroups.forEach((group, g) => {
      this.check(group);
      group.params.forEach((key, i) => {
        const values = state[key];
        const param = this.paramGroups[g].params[i];
        if (values) loaded.set(param, this.adopt(key, param, values, group));
      });
    });
    this.paramGroups.forEach((group, g) => {
      const { params: _, ...values } = paramGroups[g];
      Object.assign(group, values);
    });
    this.state.clear();
    for (const [param, values] of loaded) this.state.set(param, values);
  }

  /** A copy of one parameter's saved state, lying in memory as the parameter does. */
  private adopt(key: number, param: Tensor, values: ParamState, group: H): S {
    const keys = this.stateKeys(group);
    for (const value of Object.values(values)) kernel.requireOwnTensor(`${this.name}.loadStateDict`, value);
    const shapes = Object.values(values).filter((v) => v instanceof Tensor);
    if (
      formatNames(keys) !== formatNames(Object.keys(values)) ||
      !shapes.every((v) => sameShape(v.shape, param.shape))
    ) {
      const describe = (v: Tensor | number) => (v instanceof Tensor ? formatShape(v.shape) : String(v));
      throw new ModuleError({
        op: `${this.name}.loadStateDict`,
        expected: `${formatNames(keys)} of shape ${formatShape(param.shape)} for parameter ${key}`,
        found:
          Object.entries(values)
            .map(([name, v]) => `${name} ${describe(v)}`)
            .join(', ') || 'nothing',
        fix: 'The state must come from an optimizer of the same kind, for the same model.',
      });
    }
    const copies = Object.entries(values).map(([name, v]) => [
      name,
      v instanceof Tensor ? stateLike(param).copy_(v) : v,
    ]);
    return Object.fromEntries(copies) as S;
  }

  private allParams(): Tensor[] {
    return this.paramGroups.flatMap((group) => group.params);
  }
}

/** Room for a tensor of state, in the parameter's memory order; contents unspecified. Outlives scopes. */
export function stateLike(param: Tensor): Tensor {
  return kernel.emptyLike(param.detach()).keep();
}

function formatNames(names: readonly string[]): string {
  return names.length === 0 ? 'no state' : [...names].sort().join(', ');
}

function isGroup(value: unknown): value is { params: Iterable<Tensor> } {
  return typeof value === 'object' && value !== null && 'params' in value;
}

/** @throws ModuleError unless it is an iterable that is not empty */
function listOf<T>(op: string, params: Iterable<T> | undefined): T[] {
  const list = typeof params?.[Symbol.iterator] === 'function' ? [...params] : [];
  if (list.length === 0) throw noParameters(op);
  return list;
}

function checkParameter(op: string, i: number, param: Tensor, twice: boolean): void {
  const refuse = (found: string, fix: string) => {
    throw new ModuleError({ op, expected: `parameter ${i} to be a dense float leaf of its own`, found, fix });
  };
  kernel.requireOwnTensor(op, param);
  if (!(param instanceof Tensor)) refuse(typeof param, 'Pass model.parameters().');
  if (!param.isLeaf) {
    refuse(
      `the result of '${param.gradNode?.op}'`,
      'Only leaves keep gradients: pass what it was computed from.',
    );
  }
  if (!isFloatDType(param.dtype)) refuse(param.dtype, 'Integers do not learn: train before convert.');
  if (kernel.packed(param) !== param)
    refuse('a view of part of another tensor', 'Make it contiguous() first.');
  if (twice) refuse('one that is already there', 'Name each parameter once, over all groups.');
}

function noParameters(op: string): ModuleError {
  return new ModuleError({
    op,
    expected: 'at least one parameter',
    found: 'none',
    fix: 'Pass model.parameters(); a model whose layers sit in plain arrays has none: use ModuleList.',
  });
}

/** @throws ArgumentError unless `ok` */
export function requireValue(ok: boolean, op: string, expected: string, found: unknown): void {
  if (ok) return;
  throw new ArgumentError({ op, expected, found: String(found), fix: 'Check the options.' });
}
