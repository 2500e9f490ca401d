import { checkOptions, ModuleError, requireOneOf, requireType } from '@octet/backend';
import { requireValue } from '../optimizer';
import { describe, fieldsOf } from '../saved-state';
import type { Scheduled } from './scheduler';

export interface ReduceLROnPlateauOptions {
  /** Whether a good metric is small or large. */
  mode?: 'min' | 'max';
  /** Times the rate at each reduction. */
  factor?: number;
  /** Steps without an improvement that are let pass. */
  patience?: number;
  /** How much better an improvement is. */
  threshold?: number;
  /** Whether the threshold is a share of the best metric, or a difference from it. */
  thresholdMode?: 'rel' | 'abs';
  /** Steps after a reduction that count for nothing. */
  cooldown?: number;
  /** The least rate, of all groups or of each. */
  minLr?: number | readonly number[];
  /** Smaller changes of the rate are left out. */
  eps?: number;
}

export interface PlateauState {
  lastEpoch: number;
  best: number;
  numBadEpochs: number;
  cooldownCounter: number;
}

const names = 'mode factor patience threshold thresholdMode cooldown minLr eps';

/**
 * Multiplies the rate by `factor` when a metric, given at each step, hasn't improved for more than `patience` steps. A metric that is NaN
 * is no improvement.
 *
 * @throws ArgumentError unless factor < 1 and there is a minLr for each group
 */
export class ReduceLROnPlateau {
  static readonly name: string = 'ReduceLROnPlateau';

  /** Steps taken. */
  lastEpoch = 0;
  best: number;
  numBadEpochs = 0;
  cooldownCounter = 0;
  readonly minLrs: readonly number[];
  private readonly settings: Required<Omit<ReduceLROnPlateauOptions, 'minLr'>>;

  constructor(
    readonly optimizer: Scheduled,
    options?: ReduceLROnPlateauOptions,
  ) {
    const op = 'ReduceLROnPlateau';
    const {
      mode = 'min',
      factor = 0.1,
      patience = 10,
      threshold = 1e-4,
      thresholdMode = 'rel',
      cooldown = 0,
      minLr = 0,
      eps = 1e-8,
    } = checkOptions(op, options, names);
    requireOneOf(op, 'mode', mode, ['min', 'max']);
    requireOneOf(op, 'thresholdMode', thresholdMode, ['rel', 'abs']);
    requireValue(factor >= 0 && factor < 1, op, '0 <= factor < 1', factor);
    for (const [name, value] of Object.entries({ patience, cooldown }))
      requireValue(Number.isInteger(value) && value >= 0, op, `a whole ${name} >= 0`, value);
    requireType(op, 'threshold', threshold, 'number');
    requireType(op, 'eps', eps, 'number');
    const groups = optimizer.paramGroups.length;
    this.minLrs = typeof minLr === 'number' ? optimizer.paramGroups.map(() => minLr) : [...minLr];
    requireValue(
      this.minLrs.length === groups,
      op,
      `a number as minLr, or ${groups}, one for each group`,
      minLr,
    );
    this.settings = { mode, factor, patience, threshold, thresholdMode, cooldown, eps };
    this.best = mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }

  /** Call it with the metric of each epoch. @throws ArgumentError unless it is a number */
  step(metric: number): void {
    requireType('ReduceLROnPlateau.step', 'metric', metric, 'number');
    const { patience, cooldown, factor, eps } = this.settings;
    this.lastEpoch++;
    if (this.isBetter(metric)) {
      this.best = metric;
      this.numBadEpochs = 0;
    } else this.numBadEpochs++;
    if (this.cooldownCounter > 0) {
      this.cooldownCounter--;
      this.numBadEpochs = 0;
    }
    if (this.numBadEpochs <= patience) return;
    this.optimizer.paramGroups.forEach((group, i) => {
      const reduced = Math.max(group.lr * factor, this.minLrs[i]);
      if (group.lr - reduced > eps) group.lr = reduced;
    });
    this.cooldownCounter = cooldown;
    this.numBadEpochs = 0;
  }

  /** The rates that the next optimizer step will use, one for each group. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map((group) => group.lr);
  }

  /** Save and load it together with the optimizer's, which has the rates. */
  stateDict(): PlateauState {
    const { lastEpoch, best, numBadEpochs, cooldownCounter } = this;
    return { lastEpoch, best, numBadEpochs, cooldownCounter };
  }

  /**
   * Takes over what `stateDict` gave, or a state dict of PyTorch's, whose options must be those of this one.
   * @throws ModuleError if it is no such state, or of other options
   */
  loadStateDict(saved: unknown): void {
    const misfit = (expected: string, found: string, fix: string) =>
      new ModuleError({ op: 'ReduceLROnPlateau.loadStateDict', expected, found, fix });
    const { lastEpoch, best, numBadEpochs, cooldownCounter, ...options } = fieldsOf(saved) ?? {};
    const counts = [lastEpoch, numBadEpochs, cooldownCounter];
    if (!counts.every((n) => Number.isInteger(n) && (n as number) >= 0) || typeof best !== 'number') {
      throw misfit(
        'lastEpoch, best, numBadEpochs and cooldownCounter',
        [...counts, best].map(describe).join(', '),
        'Pass what stateDict() gave.',
      );
    }
    const own: Record<string, unknown> = { ...this.settings, minLrs: this.minLrs };
    for (const [name, value] of Object.entries(options)) {
      const [here, there] = [own[name], value].map((v) => JSON.stringify(v));
      if (Object.hasOwn(own, name) && here !== there)
        throw misfit(
          `${name} ${here}`,
          there,
          'Make the scheduler with the options of the one that was saved.',
        );
    }
    this.lastEpoch = lastEpoch as number;
    this.best = best;
    this.numBadEpochs = numBadEpochs as number;
    this.cooldownCounter = cooldownCounter as number;
  }

  private isBetter(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.settings;
    const { best } = this;
    if (mode === 'min') return metric < (thresholdMode === 'rel' ? best * (1 - threshold) : best - threshold);
    return metric > (thresholdMode === 'rel' ? best * (1 + threshold) : best + threshold);
  }
}
