import { type Group, LRScheduler, type Scheduled } from './scheduler';

/** At every step: lr = gamma · lr. */
export class ExponentialLR extends LRScheduler {
  static override readonly name: string = 'ExponentialLR';

  readonly gamma: number;

  constructor(optimizer: Scheduled, { gamma }: { gamma: number }) {
    super(optimizer);
    this.gamma = gamma;
  }

  protected override options() {
    return { gamma: this.gamma };
  }

  protected nextLr({ lr }: Group): number {
    return lr * this.gamma;
  }
}
