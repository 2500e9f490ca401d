import { ArgumentError, checkOptions, ModuleError } from '@octet/backend';
import { fieldsOf } from '../saved-state';
import { type Group, LRScheduler, type Scheduled, type SchedulerState } from './scheduler';

export interface SequentialLROptions {
  schedulers: readonly LRScheduler[];
  /** The steps at which the next scheduler takes over, one fewer than schedulers. */
  milestones: readonly number[];
}

/**
 * Schedulers of one optimizer one after another: at each milestone the next one begins at its step 0.
 * @throws ArgumentError unless the schedulers are of this optimizer, and the milestones rise and are one fewer
 */
export class SequentialLR extends LRScheduler {
  static override readonly name: string = 'SequentialLR';

  readonly schedulers: readonly LRScheduler[];
  readonly milestones: readonly number[];

  constructor(optimizer: Scheduled, options: SequentialLROptions) {
    const { schedulers, milestones } = checkOptions('SequentialLR', options, 'schedulers milestones');
    const wrong = (expected: string, found: string) =>
      new ArgumentError({ op: 'SequentialLR', expected, found, fix: 'Check its options.' });
    if (
      !Array.isArray(schedulers) ||
      !schedulers.every((s) => s instanceof LRScheduler) ||
      schedulers.length === 0
    )
      throw wrong('a list of schedulers', String(schedulers));
    if (schedulers.some((s) => s.optimizer !== optimizer))
      throw wrong('schedulers of its own optimizer', 'one of another');
    const rising =
      Array.isArray(milestones) &&
      milestones.length === schedulers.length - 1 &&
      milestones.every((m, i) => Number.isInteger(m) && m > (i > 0 ? milestones[i - 1] : 0));
    if (!rising) throw wrong(`${schedulers.length - 1} rising whole milestones`, String(milestones));
    super(optimizer);
    this.schedulers = [...schedulers];
    this.milestones = [...milestones];
    schedulers[0].restart();
  }

  override step(): void {
    this.lastEpoch++;
    const next = this.milestones.indexOf(this.lastEpoch);
    if (next >= 0) this.schedulers[next + 1].restart();
    else this.schedulers[this.milestones.filter((m) => m <= this.lastEpoch).length].step();
  }

  override restart(): void {
    this.lastEpoch = 0;
    this.schedulers[0].restart();
  }

  /** With the states of its schedulers. */
  override stateDict(): SchedulerState & { schedulers: SchedulerState[] } {
    return { ...super.stateDict(), schedulers: this.schedulers.map((s) => s.stateDict()) };
  }

  override loadStateDict(saved: unknown): void {
    const { schedulers, _schedulers = schedulers, baseLrs = this.baseLrs, ...rest } = fieldsOf(saved) ?? {};
    if (!Array.isArray(_schedulers) || _schedulers.length !== this.schedulers.length) {
      throw new ModuleError({
        op: 'SequentialLR.loadStateDict',
        expected: `the states of ${this.schedulers.length} schedulers`,
        found: Array.isArray(_schedulers) ? `${_schedulers.length}` : 'none',
        fix: 'Make it of the same schedulers as the one that was saved.',
      });
    }
    // All or nothing: what was there comes back if a later one doesn't fit.
    const before = this.schedulers.map((s) => s.stateDict());
    try {
      this.schedulers.forEach((s, i) => {
        s.loadStateDict(_schedulers[i]);
      });
      super.loadStateDict({ ...rest, baseLrs });
    } catch (error) {
      this.schedulers.forEach((s, i) => {
        s.loadStateDict(before[i]);
      });
      throw error;
    }
  }

  protected override options() {
    return { _milestones: this.milestones };
  }

  protected nextLr({ lr }: Group): number {
    return lr;
  }
}
