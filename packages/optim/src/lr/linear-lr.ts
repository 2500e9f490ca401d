import { checkOptions } from '@octet/backend';
import { requireValue } from '../optimizer';
import { type Group, LRScheduler, type Scheduled } from './scheduler';

export interface LinearLROptions {
  /** Times the rate at the start. */
  startFactor?: number;
  /** Times the rate at the end. */
  endFactor?: number;
  /** Steps from the one to the other. */
  totalIters?: number;
}

/**
 * The rate times a factor that goes from `startFactor` to `endFactor` in `totalIters` steps, in equal parts, and stays: a warm-up.
 * @throws ArgumentError unless 0 < startFactor <= 1, 0 <= endFactor <= 1, and totalIters is a whole number >= 1
 */
export class LinearLR extends LRScheduler {
  static override readonly name: string = 'LinearLR';

  readonly startFactor: number;
  readonly endFactor: number;
  readonly totalIters: number;

  constructor(optimizer: Scheduled, options?: LinearLROptions) {
    const {
      startFactor = 1 / 3,
      endFactor = 1,
      totalIters = 5,
    } = checkOptions('LinearLR', options, 'startFactor endFactor totalIters');
    super(optimizer);
    requireValue(startFactor > 0 && startFactor <= 1, 'LinearLR', '0 < startFactor <= 1', startFactor);
    requireValue(endFactor >= 0 && endFactor <= 1, 'LinearLR', '0 <= endFactor <= 1', endFactor);
    requireValue(
      Number.isInteger(totalIters) && totalIters >= 1,
      'LinearLR',
      'a whole totalIters >= 1',
      totalIters,
    );
    this.startFactor = startFactor;
    this.endFactor = endFactor;
    this.totalIters = totalIters;
    for (const group of optimizer.paramGroups) group.lr *= startFactor;
  }

  protected override options() {
    return { startFactor: this.startFactor, endFactor: this.endFactor, totalIters: this.totalIters };
  }

  protected override firstLr(_: Group, base: number): number {
    return base * this.startFactor;
  }

  protected nextLr({ lr }: Group): number {
    const { lastEpoch: t, startFactor, endFactor, totalIters } = this;
    if (t > totalIters) return lr;
    const rise = endFactor - startFactor;
    return lr * (1 + rise / (totalIters * startFactor + (t - 1) * rise));
  }
}
