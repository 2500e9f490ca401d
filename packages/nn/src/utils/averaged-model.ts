import { BackendError, checkOptions, isFloatDType, requireFlag, requireType } from '@octet/backend';
import {
  add,
  affine,
  fromData,
  noGrad,
  sameShape,
  scope,
  sub,
  type Tensor,
  tidy,
  zeros,
} from '@octet/tensor/functional';
import { requireRange } from '../arguments';
import { BatchNorm } from '../layers/batch-norm';
import { type AnyModule, Module } from '../module';
import { Buffer } from '../parameter';
import type { StateDict } from '../state-dict';

/** The new average, of the one before, the current value and how many have gone into it. */
export type AvgFn = (averaged: Tensor, current: Tensor, numAveraged: number) => Tensor;

/** averaged + (current - averaged) / (numAveraged + 1): the plain mean, of stochastic weight averaging. */
export function getSwaAvgFn(): AvgFn {
  return (averaged, current, numAveraged) =>
    tidy(() => add(averaged, affine(sub(current, averaged), 1 / (numAveraged + 1), 0)));
}

/**
 * decay · averaged + (1 - decay) · current: the exponential moving average.
 * @throws ArgumentError unless decay is 0 … 1
 */
export function getEmaAvgFn(decay = 0.999): AvgFn {
  requireRange('getEmaAvgFn', 'decay', decay, 0, 1);
  return (averaged, current) => tidy(() => add(affine(averaged, decay, 0), affine(current, 1 - decay, 0)));
}

export interface AveragedModelOptions {
  /** How values are averaged: `getSwaAvgFn()`, unless given. */
  avgFn?: AvgFn;
  /** Average buffers of floats too, as running statistics; else they are copied, as those of integers always are. */
  useBuffers?: boolean;
}

/**
 * A copy of a model whose parameters are averages of the model's: `updateParameters` takes a step of the average, `call` runs the copy.
 * Izmailov et al., 2018. Its state dict has `n_averaged` and the copy's values under `module.`, as PyTorch's.
 */
export class AveragedModel<Args extends unknown[], R> extends Module<Args, R> {
  static override readonly name: string = 'AveragedModel';

  readonly module: Module<Args, R>;
  /** How often it was updated. */
  nAveraged: Buffer;
  readonly useBuffers: boolean;
  private readonly avgFn: AvgFn;
  /** The count, and the state of its tensor in which that is true. */
  private known: { count: number; version: number } | undefined;

  constructor(model: Module<Args, R>, options?: AveragedModelOptions) {
    super();
    const { avgFn = getSwaAvgFn(), useBuffers = false } = checkOptions(
      'AveragedModel',
      options,
      'avgFn useBuffers',
    );
    this.avgFn = requireType('AveragedModel', 'avgFn', avgFn, 'function');
    this.useBuffers = requireFlag('AveragedModel', 'useBuffers', useBuffers);
    this.module = model.clone();
    this.training = model.training;
    const backend = [...model.parameters(), ...model.buffers()][0]?.backend;
    this.nAveraged = new Buffer(zeros([], { dtype: 'int32', ...(backend ? { backend } : {}) }));
    this.note(0);
  }

  forward(...args: Args): R {
    return this.module.call(...args);
  }

  /**
   * Averages the parameters of `model` in; the first time they are copied.
   * @throws ModuleError unless it has the same parameters and buffers; BackendError where numbers would have to be read from a backend that
   * can't be read at once: see `updateParametersAsync`
   */
  updateParameters(model: Module<Args, R>): void {
    const count = this.count();
    noGrad(() => scope(() => void this.module.loadStateDict(this.averages(model, count))));
    this.setCount(count + 1);
  }

  /** As `updateParameters`, also for models with ranges (prepared ones) on a backend that can't be read at once (WebGPU). */
  async updateParametersAsync(model: Module<Args, R>): Promise<void> {
    const count = this.count();
    await this.module.loadStateDictAsync(noGrad(() => this.averages(model, count)));
    this.setCount(count + 1);
  }

  private averages(model: Module<Args, R>, count: number): StateDict {
    const parameters = new Set(this.module.parameters().map(({ storage }) => storage));
    const own = this.module.stateDict();
    const next = Object.entries(model.stateDict()).map(([key, current]) => {
      const before = own[key];
      const averages =
        count > 0 &&
        before !== undefined &&
        isFloatDType(before.dtype) &&
        (this.useBuffers || parameters.has(before.storage)) &&
        sameShape(before.shape, current.shape);
      return [key, averages ? this.avgFn(before, current, count) : current] as const;
    });
    return Object.fromEntries(next);
  }

  private setCount(count: number): void {
    scope(() => {
      const { backend } = this.nAveraged;
      this.nAveraged.copy_(fromData([count], [], { dtype: 'int32', backend }));
    });
    this.note(count);
  }

  private count(): number {
    const { storage, backend } = this.nAveraged;
    if (backend.readSync) return this.nAveraged.itemSync();
    if (this.known?.version === storage.version) return this.known.count;
    throw new BackendError({
      op: 'AveragedModel.updateParameters',
      expected: 'a known number of updates',
      found: `nAveraged changed on backend '${backend.name}', where nothing can be read at once`,
      fix: 'Load the state on a host backend, and move the model afterwards.',
    });
  }

  private note(count: number): void {
    this.known = { count, version: this.nAveraged.storage.version };
  }
}

/**
 * Sets the running statistics of all batch normalisations to the means over `batches`, by running the model on them in training mode: for an
 * averaged model, whose weights no statistics belong to. A batch is the model's input, or a list that begins with it.
 */
export async function updateBn<Args extends unknown[]>(
  batches:
    | Iterable<Args[0] | readonly [Args[0], ...unknown[]]>
    | AsyncIterable<Args[0] | readonly [Args[0], ...unknown[]]>,
  model: Module<Args, unknown>,
): Promise<void> {
  const norms = (model.modules() as AnyModule[]).filter((m): m is BatchNorm => m instanceof BatchNorm);
  if (norms.length === 0) return;
  const { training } = model;
  const momenta = norms.map((norm) => norm.momentum);
  const setMomentum = (norm: BatchNorm, momentum: number | null) => void Object.assign(norm, { momentum });
  const modes = (model.modules() as AnyModule[]).map((m) => m.training);
  try {
    model.train();
    for (const norm of norms) {
      norm.resetRunningStats();
      setMomentum(norm, null);
    }
    for await (const batch of batches) {
      const x = Array.isArray(batch) ? batch[0] : batch;
      noGrad(() => scope(() => void model.call(...([x] as unknown as Args))));
    }
  } finally {
    norms.forEach((norm, i) => {
      setMomentum(norm, momenta[i]);
    });
    model.train(training);
    (model.modules() as AnyModule[]).forEach((m, i) => {
      m.training = modes[i];
    });
  }
}
