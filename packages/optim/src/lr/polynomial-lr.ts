import { checkOptions, requireType } from '@octet/backend';
import { requireValue } from '../optimizer';
import { type Group, LRScheduler, type Scheduled } from './scheduler';

export interface PolynomialLROptions {
  /** Steps until the rate is 0. */
  totalIters?: number;
  power?: number;
}

/**
 * The rate times (1 - t / totalIters)^power until step `totalIters`, where it is 0.
 * @throws ArgumentError unless totalIters is a whole number >= 1
 */
export class PolynomialLR extends LRScheduler {
  static override readonly name: string = 'PolynomialLR';

  readonly totalIters: number;
  readonly power: number;

  constructor(optimizer: Scheduled, options?: PolynomialLROptions) {
    const { totalIters = 5, power = 1 } = checkOptions('PolynomialLR', options, 'totalIters power');
    super(optimizer);
    requireValue(
      Number.isInteger(totalIters) && totalIters >= 1,
      'PolynomialLR',
      'a whole totalIters >= 1',
      totalIters,
    );
    this.totalIters = totalIters;
    this.power = requireType('PolynomialLR', 'power', power, 'number');
  }

  protected override options() {
    return { totalIters: this.totalIters, power: this.power };
  }

  protected nextLr({ lr }: Group): number {
    const { lastEpoch: t, totalIters, power } = this;
    if (t > totalIters) return lr;
    return lr * ((1 - t / totalIters) / (1 - (t - 1) / totalIters)) ** power;
  }
}
