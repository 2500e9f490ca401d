import { checkOptions } from '@octet/backend';
import { instanceNorm, ones, type Tensor, zeros } from '@octet/tensor/functional';
import { repr, requireInteger, requireRange, requireRank } from '../arguments';
import { ones_, zeros_ } from '../init';
import { Module } from '../module';
import { Buffer, Parameter } from '../parameter';

export interface InstanceNormOptions {
  eps?: number;
  /** How fast the running statistics follow. */
  momentum?: number;
  /** Whether there are a weight and a bias to learn, one number for each channel. */
  affine?: boolean;
  /** Whether there are running statistics, which evaluation then goes by. */
  trackRunningStats?: boolean;
}

/**
 * `(x - mean) / √(var + eps) · weight + bias` for each channel (dimension 1) of each sample: Ulyanov et al., 2016. With running
 * statistics those of training move towards each batch's means, and evaluation goes by them.
 */
export abstract class InstanceNorm extends Module {
  static override readonly name: string = 'InstanceNorm';
  static readonly pure = true;

  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
  weight: Parameter | undefined;
  bias: Parameter | undefined;
  runningMean: Buffer | undefined;
  runningVar: Buffer | undefined;
  /** Always 0, as in PyTorch, whose state dicts have it. */
  numBatchesTracked: Buffer | undefined;

  constructor(op: string, numFeatures: number, options?: InstanceNormOptions) {
    super();
    const {
      eps = 1e-5,
      momentum = 0.1,
      affine = false,
      trackRunningStats = false,
    } = checkOptions(op, options ?? {}, 'eps momentum affine trackRunningStats');
    this.numFeatures = requireInteger(op, 'numFeatures', numFeatures);
    this.eps = requireRange(op, 'eps', eps, 0);
    this.momentum = requireRange(op, 'momentum', momentum, 0, 1);
    this.affine = affine;
    this.trackRunningStats = trackRunningStats;
    this.weight = affine ? new Parameter(ones([numFeatures])) : undefined;
    this.bias = affine ? new Parameter(zeros([numFeatures])) : undefined;
    this.runningMean = trackRunningStats ? new Buffer(zeros([numFeatures])) : undefined;
    this.runningVar = trackRunningStats ? new Buffer(ones([numFeatures])) : undefined;
    this.numBatchesTracked = trackRunningStats ? new Buffer(zeros([], { dtype: 'int32' })) : undefined;
  }

  resetRunningStats(): void {
    this.runningMean?.fill_(0);
    this.runningVar?.fill_(1);
    this.numBatchesTracked?.fill_(0);
  }

  resetParameters(): void {
    this.resetRunningStats();
    if (this.weight) ones_(this.weight);
    if (this.bias) zeros_(this.bias);
  }

  /** @throws ShapeError unless the input has the right number of dimensions */
  protected abstract checkInput(x: Tensor): void;

  forward(x: Tensor): Tensor {
    this.checkInput(x);
    const { runningMean, runningVar, weight, bias, momentum, eps } = this;
    const useInputStats = this.training || !runningMean;
    return instanceNorm(x, { runningMean, runningVar, weight, bias, useInputStats, momentum, eps });
  }

  override extraRepr(): string {
    const { eps, momentum, affine, trackRunningStats } = this;
    return `${this.numFeatures}, ${repr({ eps, momentum, affine, trackRunningStats })}`;
  }
}

/** Instance normalisation of x [N, C, L]. */
export class InstanceNorm1d extends InstanceNorm {
  static override readonly name: string = 'InstanceNorm1d';

  constructor(numFeatures: number, options?: InstanceNormOptions) {
    super('InstanceNorm1d', numFeatures, options);
  }

  protected checkInput(x: Tensor): void {
    requireRank('InstanceNorm1d', x, '[N, C, L]', 3);
  }
}

/** Instance normalisation of x [N, C, H, W]. */
export class InstanceNorm2d extends InstanceNorm {
  static override readonly name: string = 'InstanceNorm2d';

  constructor(numFeatures: number, options?: InstanceNormOptions) {
    super('InstanceNorm2d', numFeatures, options);
  }

  protected checkInput(x: Tensor): void {
    requireRank('InstanceNorm2d', x, '[N, C, H, W]', 4);
  }
}
