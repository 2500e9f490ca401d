import { checkOptions } from '@octet/backend';
import { requireValue } from '../optimizer';
import { type Group, LRScheduler, type Scheduled } from './scheduler';

export interface ConstantLROptions {
  /** Times the rate, until `totalIters`. */
  factor?: number;
  totalIters?: number;
}

/**
 * The rate times `factor` for `totalIters` steps, the whole of it from then on.
 * @throws ArgumentError unless 0 < factor <= 1 and totalIters is a whole number >= 0
 */
export class ConstantLR extends LRScheduler {
  static override readonly name: string = 'ConstantLR';

  readonly factor: number;
  readonly totalIters: number;

  constructor(optimizer: Scheduled, options?: ConstantLROptions) {
    const { factor = 1 / 3, totalIters = 5 } = checkOptions('ConstantLR', options, 'factor totalIters');
    super(optimizer);
    requireValue(factor > 0 && factor <= 1, 'ConstantLR', '0 < factor <= 1', factor);
    requireValue(
      Number.isInteger(totalIters) && totalIters >= 0,
      'ConstantLR',
      'a whole totalIters >= 0',
      totalIters,
    );
    this.factor = factor;
    this.totalIters = totalIters;
    for (const group of optimizer.paramGroups) group.lr *= factor;
  }

  protected override options() {
    return { factor: this.factor, totalIters: this.totalIters };
  }

  protected override firstLr(_: Group, base: number): number {
    return base * this.factor;
  }

  protected nextLr({ lr }: Group): number {
    return this.lastEpoch === this.totalIters ? lr / this.factor : lr;
  }
}
