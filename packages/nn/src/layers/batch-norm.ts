import { BackendError, checkOptions } from '@octet/backend';
import {
  add,
  batchNorm,
  noGrad,
  ones,
  type Storage,
  scope,
  type Tensor,
  zeros,
} from '@octet/tensor/functional';
import { repr, requireInteger, requireRange, requireRank } from '../arguments';
import { ones_, zeros_ } from '../init';
import { Module } from '../module';
import { Buffer, Parameter } from '../parameter';
import type { StateLoader } from '../state-dict';

export interface BatchNormOptions {
  eps?: number;
  /** How fast the running statistics follow the batches; null: their plain average. */
  momentum?: number | null;
  /** Whether there are a weight and a bias to learn. */
  affine?: boolean;
  /** Without running statistics the batch's own are used in evaluation too. */
  trackRunningStats?: boolean;
}

/**
 * `(x - mean) / √(var + eps) · weight + bias` for each channel (dimension 1): Ioffe and Szegedy, 2015. In training by
 * the batch's statistics, which the running ones follow (`(1 - momentum) · running + momentum · batch`, the variance
 * unbiased); in evaluation by the running ones.
 */
export abstract class BatchNorm extends Module {
  static readonly pure = true;

  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
  weight: Parameter | undefined;
  bias: Parameter | undefined;
  runningMean: Buffer | undefined;
  runningVar: Buffer | undefined;
  /** Batches seen in training; int32. */
  numBatchesTracked: Buffer | undefined;
  /** The same on the host; undefined where it can't be read at once. */
  private batches: number | undefined = 0;
  /** The memory and the version of it that `batches` is the number in. */
  private counted: { storage: Storage; version: number } | undefined;

  constructor(op: string, numFeatures: number, options?: BatchNormOptions) {
    super();
    const {
      eps = 1e-5,
      momentum = 0.1,
      affine = true,
      trackRunningStats = true,
    } = checkOptions(op, options, 'eps momentum affine trackRunningStats');
    this.numFeatures = requireInteger(op, 'numFeatures', numFeatures);
    this.eps = requireRange(op, 'eps', eps, 0);
    this.momentum = momentum === null ? null : requireRange(op, 'momentum', momentum, 0, 1);
    this.affine = affine;
    this.trackRunningStats = trackRunningStats;
    this.weight = affine ? new Parameter(ones([numFeatures])) : undefined;
    this.bias = affine ? new Parameter(zeros([numFeatures])) : undefined;
    this.runningMean = trackRunningStats ? new Buffer(zeros([numFeatures])) : undefined;
    this.runningVar = trackRunningStats ? new Buffer(ones([numFeatures])) : undefined;
    this.numBatchesTracked = trackRunningStats ? new Buffer(zeros([], { dtype: 'int32' })) : undefined;
    this.noteCount();
  }

  resetRunningStats(): void {
    this.runningMean?.fill_(0);
    this.runningVar?.fill_(1);
    this.numBatchesTracked?.fill_(0);
    this.batches = 0;
    this.noteCount();
  }

  resetParameters(): void {
    this.resetRunningStats();
    if (this.weight) ones_(this.weight);
    if (this.bias) zeros_(this.bias);
  }

  /** @throws ShapeError unless the input has the right number of dimensions */
  protected abstract checkInput(x: Tensor): void;

  /** @throws BackendError in training with momentum null, if the count was changed where it can't be read at once */
  forward(x: Tensor): Tensor {
    this.checkInput(x);
    const { runningMean, runningVar, weight, bias, eps } = this;
    const momentum = this.training ? this.countBatch() : 0;
    const training = this.training || !runningMean;
    return batchNorm(x, { runningMean, runningVar, weight, bias, training, momentum, eps });
  }

  /** Counts this batch; returns how much of it goes into the running statistics. */
  private countBatch(): number {
    const count = this.numBatchesTracked;
    if (!count) return this.momentum ?? 0;
    const { storage, backend } = count;
    if (this.counted?.storage !== storage || this.counted.version !== storage.version)
      this.batches = backend.readSync ? count.itemSync() : undefined;
    if (this.batches === undefined) {
      if (this.momentum === null) {
        throw new BackendError({
          op: (this.constructor as typeof BatchNorm).name,
          expected: 'a known number of batches, for momentum is null',
          found: `numBatchesTracked changed on backend '${backend.name}', where nothing can be read at once`,
          fix: 'Change it by loadStateDictAsync or resetRunningStats, or set a momentum.',
        });
      }
      // By way of floats, for there are no kernels that count: exact up to 2^24 batches.
      scope(() => noGrad(() => count.copy_(add(count.to('float32'), 1).to('int32'))));
      return this.momentum;
    }
    this.batches++;
    backend.write(storage.buffer, Int32Array.of(this.batches));
    storage.noteWrite('batchNorm');
    this.noteCount();
    return this.momentum ?? 1 / this.batches;
  }

  private noteCount(): void {
    const storage = this.numBatchesTracked?.storage;
    this.counted = storage && { storage, version: storage.version };
  }

  protected override tensorsChanged(): void {
    this.noteCount();
  }

  protected override loadState(load: StateLoader): void {
    super.loadState(load);
    // PyTorch before 0.4.1 had none; the count goes on from here then.
    load.forgive('num_batches_tracked');
    if (!this.numBatchesTracked || !load.has('num_batches_tracked')) return;
    // The plain average can't do without it.
    const readable = this.momentum === null || load.take('num_batches_tracked')?.backend.readSync;
    const batches = readable ? (load.read('num_batches_tracked')?.[0] ?? 0) : undefined;
    load.commit(() => {
      this.batches = batches;
    });
  }

  override extraRepr(): string {
    const { eps, momentum, affine, trackRunningStats } = this;
    return `${this.numFeatures}, ${repr({ eps, momentum, affine, trackRunningStats })}`;
  }
}

/** Batch normalisation of x [N, C] or [N, C, L]. */
export class BatchNorm1d extends BatchNorm {
  static override readonly name: string = 'BatchNorm1d';

  constructor(numFeatures: number, options?: BatchNormOptions) {
    super('BatchNorm1d', numFeatures, options);
  }

  protected checkInput(x: Tensor): void {
    requireRank('BatchNorm1d', x, '[N, C] or [N, C, L]', 2, 3);
  }
}

/** Batch normalisation of x [N, C, H, W]. */
export class BatchNorm2d extends BatchNorm {
  static override readonly name: string = 'BatchNorm2d';

  constructor(numFeatures: number, options?: BatchNormOptions) {
    super('BatchNorm2d', numFeatures, options);
  }

  protected checkInput(x: Tensor): void {
    requireRank('BatchNorm2d', x, '[N, C, H, W]', 4);
  }
}
