import { checkOptions, requireType } from '@octet/backend';
import { requireValue } from '../optimizer';
import { type Group, LRScheduler, type Scheduled } from './scheduler';

/**
 * Half a cosine from the first rate down to `etaMin` in `tMax` steps, and up again in the next: Loshchilov and Hutter,
 * "SGDR", 2017, without restarts. From one step to the next, as in PyTorch:
 *
 *     lr = etaMin + (lr - etaMin) · (1 + cos(π t / tMax)) / (1 + cos(π (t - 1) / tMax))
 *
 * @throws ArgumentError unless tMax is a whole number >= 1
 */
export class CosineAnnealingLR extends LRScheduler {
  static override readonly name: string = 'CosineAnnealingLR';

  readonly tMax: number;
  readonly etaMin: number;

  constructor(optimizer: Scheduled, options: { tMax: number; etaMin?: number }) {
    const { tMax, etaMin = 0 } = checkOptions('CosineAnnealingLR', options, 'tMax etaMin');
    super(optimizer);
    const { tMax, etaMin = 0 } = checkOptions('CosineAnnealingLR', options, 'tMax etaMin');
    requireValue(Number.isInteger(tMax) && tMax >= 1, 'CosineAnnealingLR', 'a whole tMax >= 1', tMax);
    requireNumbers('CosineAnnealingLR', { etaMin });
    this.tMax = tMax;
    this.etaMin = requireType('CosineAnnealingLR', 'etaMin', etaMin, 'number');
  }

  protected override options() {
    return { tMax: this.tMax, etaMin: this.etaMin };
  }

  protected nextLr({ lr }: Group, base: number): number {
    const { lastEpoch: t, tMax, etaMin } = this;
    // Out of the minimum the quotient is 0 / 0.
    if ((t - 1 - tMax) % (2 * tMax) === 0) return lr + ((base - etaMin) * (1 - Math.cos(Math.PI / tMax))) / 2;
    const height = (step: number) => 1 + Math.cos((Math.PI * step) / tMax);
    return (height(t) / height(t - 1)) * (lr - etaMin) + etaMin;
  }
}
