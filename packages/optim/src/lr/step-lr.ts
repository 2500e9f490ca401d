import { checkOptions, requireType } from '@octet/backend';
import { requireValue } from '../optimizer';
import { type Group, LRScheduler, type Scheduled } from './scheduler';

/** Every `stepSize` steps: lr = gamma · lr. @throws ArgumentError unless stepSize is a whole number >= 1 */
export class StepLR extends LRScheduler {
  static override readonly name: string = 'StepLR';

  readonly stepSize: number;
  readonly gamma: number;

  constructor(optimizer: Scheduled, options: { stepSize: number; gamma?: number }) {
    const { stepSize, gamma = 0.1 } = checkOptions('StepLR', options, 'stepSize gamma');
    super(optimizer);
    const { stepSize, gamma = 0.1 } = checkOptions('StepLR', options, 'stepSize gamma');
    requireValue(Number.isInteger(stepSize) && stepSize >= 1, 'StepLR', 'a whole stepSize >= 1', stepSize);
    this.stepSize = stepSize;
    this.gamma = requireType('StepLR', 'gamma', gamma, 'number');
  }

  protected override options() {
    return { stepSize: this.stepSize, gamma: this.gamma };
  }

  protected nextLr({ lr }: Group): number {
    return this.lastEpoch % this.stepSize === 0 ? lr * this.gamma : lr;
  }
}
