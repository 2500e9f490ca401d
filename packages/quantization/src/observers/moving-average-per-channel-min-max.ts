import { checkOptions, requireNumbers } from '@octet/backend';
import { observerOptions } from './base';
import type { MovingAverageOptions } from './moving-average-min-max';
import { PerChannelMinMaxObserver, type PerChannelOptions } from './per-channel-min-max';

/** Moving averages of each channel's minima and maxima; the first batch counts whole. */
export class MovingAveragePerChannelMinMaxObserver extends PerChannelMinMaxObserver {
  static override readonly name: string = 'MovingAveragePerChannelMinMaxObserver';

  readonly averagingConstant: number;

  constructor(options?: PerChannelOptions & MovingAverageOptions) {
    const { averagingConstant = 0.01, ...rest } = checkOptions(
      new.target.name,
      options,
      `averagingConstant chAxis ${observerOptions}`,
    );
    super(rest);
    requireNumbers(new.target.name, { averagingConstant });
    this.averagingConstant = averagingConstant;
  }

  protected override get movingAverage(): number | null {
    return this.averagingConstant;
  }
}
