import { checkOptions, requireList, requireType } from '@octet/backend';
import { type Group, LRScheduler, type Scheduled } from './scheduler';

/** At each of the `milestones` (steps): lr = gamma · lr; a milestone may occur more than once. */
export class MultiStepLR extends LRScheduler {
  static override readonly name: string = 'MultiStepLR';

  readonly milestones: readonly number[];
  readonly gamma: number;

  constructor(optimizer: Scheduled, options: { milestones: readonly number[]; gamma?: number }) {
    const { milestones, gamma = 0.1 } = checkOptions('MultiStepLR', options, 'milestones gamma');
    super(optimizer);
    this.milestones = [...requireList('MultiStepLR', 'milestones', milestones)];
    this.gamma = requireType('MultiStepLR', 'gamma', gamma, 'number');
  }

  protected override options() {
    return { milestones: [...this.milestones].sort((a, b) => a - b), gamma: this.gamma };
  }

  protected nextLr({ lr }: Group): number {
    return lr * this.gamma ** this.milestones.filter((m) => m === this.lastEpoch).length;
  }
}
