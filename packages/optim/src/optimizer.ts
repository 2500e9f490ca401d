import { ArgumentError, checkOptions, isFloatDType, ModuleError, warnOnce } from '@octet/backend';
import { formatShape, kernel, sameShape, Tensor } from '@octet/tensor';
import { camelCase, describe, entriesOf, fieldsOf, plainNumber } from './saved-state';

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

/** What PyTorch's groups say of how to compute, not of what. */
const torchOnly = ['foreach', 'capturable', 'differentiable', 'fused'];

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

  /** Whether what is remembered under this name is a number, which PyTorch may have saved as a tensor. */
  protected isNumber(name: string): boolean {
    return name === 'step';
  }

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
   * Takes over the groups' values and copies of the state: what `stateDict` gave, or a state dict of PyTorch's optimizer of
   * the same kind as `parsePt` reads it, `{ state, param_groups }` with PyTorch's names. Parameters go by their order. What a
   * group of an older PyTorch lacks stays; `foreach`, `fused`, `capturable` and `differentiable`, which say how PyTorch
   * computes, have no meaning here. Everything is checked before anything changes.
   *
   * @throws ModuleError if it is no such state; if groups, their sizes, or the state's names or shapes differ
   * @throws ArgumentError for values that make no sense
   * @throws BackendError for tensors that can't be read at once: see `loadStateDictAsync`
   */
  loadStateDict(saved: unknown): void {
    const { state, groups } = this.understand(saved);
    const sizes = (all: readonly { params: readonly unknown[] }[]) =>
      formatShape(all.map((g) => g.params.length));
    if (sizes(groups) !== sizes(this.paramGroups)) {
      throw this.misfit(
        `groups of ${sizes(this.paramGroups)} parameters`,
        sizes(groups),
        'Make the optimizer with the same groups as the one that was saved.',
      );
    }
    const left = new Map(state);
    const loaded = new Map<Tensor, S>();
    const complete = groups.map(({ params, values }, g) => {
      const group = { ...this.paramGroups[g], ...values };
      this.check(group);
      params.forEach((key, i) => {
        const remembered = left.get(String(key));
        const param = this.paramGroups[g].params[i];
        if (remembered !== undefined) loaded.set(param, this.adopt(String(key), param, remembered, group));
        left.delete(String(key));
      });
      return values;
    });
    if (left.size > 0)
      throw this.misfit('state of parameters in its groups', `state of ${[...left.keys()].join(', ')}`);

    this.paramGroups.forEach((group, g) => {
      Object.assign(group, complete[g]);
    });
    this.state.clear();
    for (const [param, values] of loaded) this.state.set(param, values);
  }

  /** As `loadStateDict`, also for a state of PyTorch on a backend that can't be read at once (WebGPU). */
  async loadStateDictAsync(saved: unknown): Promise<void> {
    const read = async (value: unknown, isNumber: boolean): Promise<unknown> => {
      if (value instanceof Tensor) return isNumber && value.numel === 1 ? (await value.data())[0] : value;
      if (Array.isArray(value)) return Promise.all(value.map((v) => read(v, isNumber)));
      const entries = entriesOf(value)?.map(
        async ([key, v]) =>
          [
            key,
            await read(v, isNumber || /^param_?groups$/i.test(key) || this.isNumber(camelCase(key))),
          ] as const,
      );
      return entries ? Object.fromEntries(await Promise.all(entries)) : value;
    };
    this.loadStateDict(await read(saved, false));
  }

  /** Octet's and PyTorch's form of a state dict, by one set of names. @throws ModuleError for anything else */
  private understand(saved: unknown) {
    const { state, paramGroups } = fieldsOf(saved) ?? {};
    const remembered = entriesOf(state);
    if (!remembered || !Array.isArray(paramGroups)) {
      throw this.misfit(
        'an object with state and paramGroups (or param_groups)',
        saved === undefined || fieldsOf(saved) === undefined
          ? describe(saved)
          : `state: ${describe(state)}, paramGroups: ${describe(paramGroups)}`,
        'Pass what stateDict() gave; of a checkpoint of PyTorch, often checkpoint.optimizer.',
      );
    }
    const groups = paramGroups.map((group: unknown, g) => {
      const { params, ...values } = fieldsOf(group) ?? {};
      if (!Array.isArray(params) || !params.every((key) => Number.isInteger(key)))
        throw this.misfit(`group ${g} with params, a list of whole numbers`, describe(params ?? group));
      return { params: params as number[], values: this.groupValues(g, values) };
    });
    return { state: remembered, groups };
  }

  /** The values of one group: numbers that are tensors become numbers. @throws ModuleError for those of another type */
  private groupValues(g: number, values: Record<string, unknown>): Partial<H> {
    const kept = Object.entries(values).flatMap(([key, value]) => {
      const plain = Array.isArray(value) ? value.map(plainNumber) : plainNumber(value);
      if (key === 'decoupledWeightDecay' && !(key in this.defaults)) {
        const own = (this as { decoupledWeightDecay?: boolean }).decoupledWeightDecay;
        if (plain === own) return [];
        throw this.misfit(
          `decoupled_weight_decay ${own} in group ${g}`,
          String(plain),
          'PyTorch says so of AdamW: load the state into the same kind of optimizer.',
        );
      }
      if (torchOnly.includes(key)) return [];
      const like = (this.defaults as Record<string, unknown>)[key] ?? (key === 'initialLr' ? 0 : undefined);
      if (like !== undefined && !sameType(plain, like))
        throw this.misfit(`${key} of group ${g} as in ${JSON.stringify(like)}`, describe(value));
      return [[key, plain] as const];
    });
    return Object.fromEntries(kept) as Partial<H>;
  }

  /** A copy of one parameter's saved state, lying in memory as the parameter does. */
  private adopt(key: string, param: Tensor, remembered: unknown, group: H): S {
    const names = this.stateKeys(group);
    // PyTorch saves None for what isn't in use.
    const values = Object.entries(fieldsOf(remembered) ?? {}).filter(([, v]) => v !== null);
    const found = Object.fromEntries(
      values.map(([name, v]) => [name, this.isNumber(name) ? plainNumber(v) : v]),
    );
    for (const v of Object.values(found)) kernel.requireOwnTensor(`${this.name}.loadStateDict`, v);
    const fits = ([name, v]: [string, unknown]) =>
      this.isNumber(name)
        ? Number.isFinite(v) && (v as number) >= 0 && (name !== 'step' || Number.isInteger(v))
        : v instanceof Tensor && sameShape(v.shape, param.shape) && isFloatDType(v.dtype);
    if (formatNames(names) !== formatNames(Object.keys(found)) || !Object.entries(found).every(fits)) {
      throw this.misfit(
        `${formatNames(names)} of shape ${formatShape(param.shape)} for parameter ${key}`,
        Object.entries(found)
          .map(([name, v]) => `${name} ${describe(v)}`)
          .join(', ') || 'nothing',
      );
    }
    const copies = Object.entries(found).map(([name, v]) => [
      name,
      v instanceof Tensor ? stateLike(param).copy_(v) : v,
    ]);
    return Object.fromEntries(copies) as S;
  }

  private misfit(
    expected: string,
    found: string,
    fix = 'The state must come from an optimizer of the same kind, for the same model.',
  ): ModuleError {
    return new ModuleError({ op: `${this.name}.loadStateDict`, expected, found, fix });
  }

  private allParams(): Tensor[] {
    return this.paramGroups.flatMap((group) => group.params);
  }
}

/** Room for a tensor of state, in the parameter's memory order; contents unspecified. Outlives scopes. */
export function stateLike(param: Tensor): Tensor {
  return kernel.emptyLike(param.detach()).keep();
}

/** Whether both are numbers (not NaN), booleans, or lists of such and as long. */
function sameType(value: unknown, like: unknown): boolean {
  if (Array.isArray(like))
    return (
      Array.isArray(value) && value.length === like.length && like.every((l, i) => sameType(value[i], l))
    );
  return typeof value === typeof like && !Number.isNaN(value);
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
  if (kernel.denseInAnyOrder(param) !== param)
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
