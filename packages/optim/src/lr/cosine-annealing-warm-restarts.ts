import { checkOptions, requireType } from '@octet/backend';
import { requireValue } from '../optimizer';
import { type Group, LRScheduler, type Scheduled } from './scheduler';

export interface CosineAnnealingWarmRestartsOptions {
  /** Steps until the first restart. */
  t0: number;
  /** Times the steps from one restart to the next. */
  tMult?: number;
  etaMin?: number;
}

/**
 * Half a cosine from the first rate down to `etaMin` in `t0` steps, and again from the start, each time in `tMult` times as many:
 * Loshchilov and Hutter, "SGDR", 2017. Steps are whole; PyTorch's `step(epoch)` with a part of an epoch is `t0` times the batches of one.
 *
 * @throws ArgumentError unless t0 and tMult are whole numbers >= 1
 */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  static override readonly name: string = 'CosineAnnealingWarmRestarts';

  readonly t0: number;
  readonly tMult: number;
  readonly etaMin: number;

  constructor(optimizer: Scheduled, options: CosineAnnealingWarmRestartsOptions) {
    const op = 'CosineAnnealingWarmRestarts';
    const { t0, tMult = 1, etaMin = 0 } = checkOptions(op, options, 't0 tMult etaMin');
    super(optimizer);
    requireValue(Number.isInteger(t0) && t0 >= 1, op, 'a whole t0 >= 1', t0);
    requireValue(Number.isInteger(tMult) && tMult >= 1, op, 'a whole tMult >= 1', tMult);
    this.t0 = t0;
    this.tMult = tMult;
    this.etaMin = requireType(op, 'etaMin', etaMin, 'number');
  }

  protected override options() {
    return { t0: this.t0, tMult: this.tMult, etaMin: this.etaMin };
  }

  protected nextLr(_: Group, base: number): number {
    const { tMult, etaMin } = this;
    let period = this.t0;
    let t = this.lastEpoch;
    if (tMult === 1) t %= period;
    else
      while (t >= period) {
        t -= period;
        period *= tMult;
      }
    return etaMin + ((base - etaMin) * (1 + Math.cos((Math.PI * t) / period))) / 2;
  }
}
