import { ArgumentError, checkOptions, requireOneOf } from '@octet/backend';
import { requireValue } from '../optimizer';
import { setMomentum } from './momentum';
import { type Group, LRScheduler, type Scheduled } from './scheduler';

export interface CyclicLROptions {
  /** The lower end of the cycle; a list has one for each group. */
  baseLr: number | readonly number[];
  /** The upper end; a list has one for each group. */
  maxLr: number | readonly number[];
  /** Steps that go up. Default: 2000. */
  stepSizeUp?: number;
  /** Steps that go down. Default: stepSizeUp. */
  stepSizeDown?: number;
  /** triangular: all cycles alike; triangular2: half as high each time; exp_range: times gamma ** steps. Default: triangular. */
  mode?: 'triangular' | 'triangular2' | 'exp_range';
  /** Of exp_range. Default: 1. */
  gamma?: number;
  /** In the place of a mode: by what the height is multiplied. */
  scaleFn?: (x: number) => number;
  /** Whether scaleFn is given the cycle's number, from 1, or the step's. Default: cycle. */
  scaleMode?: 'cycle' | 'iterations';
  /** Whether the momentum (SGD) or the first beta (Adam) goes down as the rate goes up, and back. Default: true. */
  cycleMomentum?: boolean;
  /** Default: 0.8. */
  baseMomentum?: number | readonly number[];
  /** Default: 0.9. */
  maxMomentum?: number | readonly number[];
}

const cyclicOptions =
  'baseLr maxLr stepSizeUp stepSizeDown mode gamma scaleFn scaleMode cycleMomentum baseMomentum maxMomentum';

/**
 * The learning rate goes up and down between two ends, stepped after every batch: Smith, "Cyclical learning rates for training neural
 * networks", 2017, in PyTorch's form.
 * @throws ArgumentError for lists of another length than the groups, for steps below 1, and to cycle the momentum of an optimizer without
 */
export class CyclicLR extends LRScheduler {
  static override readonly name: string = 'CyclicLR';

  readonly totalSize: number;
  readonly stepRatio: number;
  private readonly mode: string;
  private readonly gamma: number;
  private readonly scale: (cycle: number) => number;
  private readonly cycleMomentum: boolean;
  private readonly maxLrs: readonly number[];
  private readonly momentums: readonly { readonly base: number; readonly max: number }[];

  constructor(optimizer: Scheduled, options: CyclicLROptions) {
    const {
      baseLr,
      maxLr,
      stepSizeUp = 2000,
      stepSizeDown = stepSizeUp,
      mode = 'triangular',
      gamma = 1,
      scaleFn,
      scaleMode = 'cycle',
      cycleMomentum = true,
      baseMomentum = 0.8,
      maxMomentum = 0.9,
    } = checkOptions('CyclicLR', options, cyclicOptions);
    super(optimizer);
    requireOneOf('CyclicLR', 'mode', mode, ['triangular', 'triangular2', 'exp_range']);
    requireOneOf('CyclicLR', 'scaleMode', scaleMode, ['cycle', 'iterations']);
    requireValue(stepSizeUp > 0, 'CyclicLR', 'stepSizeUp > 0', stepSizeUp);
    requireValue(stepSizeDown > 0, 'CyclicLR', 'stepSizeDown > 0', stepSizeDown);
    const { paramGroups } = optimizer;
    const each = (name: string, value: number | readonly number[]) => {
      const list = typeof value === 'number' ? paramGroups.map(() => value) : value;
      requireValue(
        Array.isArray(list) && list.length === paramGroups.length && list.every(Number.isFinite),
        'CyclicLR',
        `${name}: a number, or one for each of ${paramGroups.length} groups`,
        value,
      );
      return list;
    };
    const baseLrs = each('baseLr', baseLr);
    this.maxLrs = each('maxLr', maxLr);
    const maxMomentums = each('maxMomentum', maxMomentum);
    this.momentums = each('baseMomentum', baseMomentum).map((base, i) => ({ base, max: maxMomentums[i] }));
    this.totalSize = stepSizeUp + stepSizeDown;
    this.stepRatio = stepSizeUp / this.totalSize;
    this.mode = mode;
    this.gamma = gamma;
    const byStep = scaleFn ? scaleMode === 'iterations' : mode === 'exp_range';
    const scale = scaleFn ?? modes[mode](gamma);
    this.scale = (cycle) => scale(byStep ? this.lastEpoch : cycle);
    this.cycleMomentum = cycleMomentum;
    if (cycleMomentum && paramGroups.some(({ momentum, betas }) => !momentum && !betas)) {
      throw new ArgumentError({
        op: 'CyclicLR',
        expected: 'an optimizer with momentum or betas, for cycleMomentum',
        found: 'one without',
        fix: 'Give SGD a momentum, or pass cycleMomentum: false.',
      });
    }
    this.baseLrs = [...baseLrs];
    this.restart();
  }

  protected override options() {
    const { totalSize, stepRatio, mode, gamma, cycleMomentum } = this;
    return { totalSize, stepRatio, mode, gamma, cycleMomentum };
  }

  protected override firstLr(group: Group, base: number): number {
    return this.nextLr(group, base);
  }

  protected nextLr(group: Group, base: number): number {
    const i = this.optimizer.paramGroups.indexOf(group);
    const cycle = Math.floor(1 + this.lastEpoch / this.totalSize);
    const x = 1 + this.lastEpoch / this.totalSize - cycle;
    const height = x <= this.stepRatio ? x / this.stepRatio : (x - 1) / (this.stepRatio - 1);
    const scale = this.scale(cycle);
    const { base: low, max: high } = this.momentums[i];
    if (this.cycleMomentum) setMomentum('CyclicLR', group, high - (high - low) * height * scale);
    return base + (this.maxLrs[i] - base) * height * scale;
  }
}

/** What the height of a cycle is multiplied by. */
const modes = {
  triangular: () => () => 1,
  triangular2: () => (cycle: number) => 1 / 2 ** (cycle - 1),
  exp_range: (gamma: number) => (step: number) => gamma ** step,
} as const;
