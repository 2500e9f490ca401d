import { checkOptions, requireOneOf } from '@octet/backend';
import { requireValue } from '../optimizer';
import { type Group, LRScheduler, type Scheduled } from './scheduler';

export interface SWALROptions {
  /** The rate at the end, which stays; a list has one for each group. */
  swaLr: number | readonly number[];
  /** Steps until it is reached. Default: 10. */
  annealEpochs?: number;
  /** Default: cos. */
  annealStrategy?: 'cos' | 'linear';
}

/**
 * From the rates that the groups have to `swaLr` in `annealEpochs` steps, and then that: for averages of models (`AveragedModel`).
 * @throws ArgumentError for a list of another length than the groups, or annealEpochs that is no whole number >= 0
 */
export class SWALR extends LRScheduler {
  static override readonly name: string = 'SWALR';

  readonly swaLrs: readonly number[];
  readonly annealEpochs: number;
  private readonly anneal: (t: number) => number;
  private readonly annealStrategy: string;

  constructor(optimizer: Scheduled, options: SWALROptions) {
    const {
      swaLr,
      annealEpochs = 10,
      annealStrategy = 'cos',
    } = checkOptions('SWALR', options, 'swaLr annealEpochs annealStrategy');
    super(optimizer);
    const { paramGroups } = optimizer;
    const each = typeof swaLr === 'number' ? paramGroups.map(() => swaLr) : swaLr;
    requireValue(
      Array.isArray(each) && each.length === paramGroups.length && each.every(Number.isFinite),
      'SWALR',
      `swaLr: a number, or one for each of ${paramGroups.length} groups`,
      swaLr,
    );
    requireValue(
      Number.isInteger(annealEpochs) && annealEpochs >= 0,
      'SWALR',
      'a whole annealEpochs >= 0',
      annealEpochs,
    );
    requireOneOf('SWALR', 'annealStrategy', annealStrategy, ['cos', 'linear']);
    this.swaLrs = each;
    this.annealEpochs = annealEpochs;
    this.annealStrategy = annealStrategy;
    this.anneal = annealStrategy === 'cos' ? (t) => (1 - Math.cos(Math.PI * t)) / 2 : (t) => t;
    for (const group of paramGroups) group.lr = this.nextLr(group);
  }

  protected override options() {
    return { annealEpochs: this.annealEpochs, _annealStrategy: this.annealStrategy };
  }

  protected override firstLr(group: Group, base: number): number {
    return this.annealEpochs === 0 ? this.nextLr(group) : base;
  }

  protected nextLr(group: Group): number {
    const swaLr = this.swaLrs[this.optimizer.paramGroups.indexOf(group)];
    const step = this.annealEpochs === 0 ? Math.max(1, this.lastEpoch) : this.lastEpoch;
    const part = (at: number) => this.anneal(Math.min(Math.max(at / Math.max(1, this.annealEpochs), 0), 1));
    const before = part(step - 1);
    const first = before === 1 ? swaLr : (group.lr - before * swaLr) / (1 - before);
    const alpha = part(step);
    return swaLr * alpha + first * (1 - alpha);
  }
}
