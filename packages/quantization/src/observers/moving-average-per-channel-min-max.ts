import { type ObserverFactory, withArgs } from '../with-args';
import type { MovingAverageOptions } from './moving-average-min-max';
import { PerChannelMinMaxObserver, type PerChannelOptions } from './per-channel-min-max';

/** Moving averages of each channel's minima and maxima; the first batch counts whole. */
export class MovingAveragePerChannelMinMaxObserver extends PerChannelMinMaxObserver {
  readonly averagingConstant: number;

  constructor({ averagingConstant = 0.01, ...options }: PerChannelOptions & MovingAverageOptions = {}) {
    super(options);
    this.averagingConstant = averagingConstant;
  }

  static override withArgs(options: PerChannelOptions & MovingAverageOptions): ObserverFactory {
    return withArgs(MovingAveragePerChannelMinMaxObserver, options);
  }

  protected override get movingAverage(): number | null {
    return this.averagingConstant;
  }
}
