import { checkOptions, requireType } from '@octet/backend';
import { type Group, LRScheduler, type Scheduled } from './scheduler';

/** At every step: lr = gamma · lr. */
export class ExponentialLR extends LRScheduler {
  static override readonly name: string = 'ExponentialLR';

  readonly gamma: number;

  constructor(optimizer: Scheduled, options: { gamma: number }) {
    const { gamma } = checkOptions('ExponentialLR', options, 'gamma');
    super(optimizer);
    this.gamma = requireType('ExponentialLR', 'gamma', gamma, 'number');
  }

  protected override options() {
    return { gamma: this.gamma };
  }

  protected nextLr({ lr }: Group): number {
    return lr * this.gamma;
  }
}
