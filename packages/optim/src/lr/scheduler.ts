import { ModuleError } from '@octet/backend';
import { describe, entriesOf, fieldsOf } from '../saved-state';

/** What a scheduler needs of an optimizer. */
export interface Scheduled {
  readonly paramGroups: {
    lr: number;
    initialLr?: number;
    momentum?: number;
    betas?: readonly [number, number];
  }[];
}

export type Group = Scheduled['paramGroups'][number];

export interface SchedulerState {
  lastEpoch: number;
  baseLrs: number[];
}

/**
 * Changes the learning rates of an optimizer from step to step; in what steps, epochs or batches, is up to the caller.
 *
 * Each step makes the new rates from those in the groups, as PyTorch's schedulers do: so several can be chained, and
 * the rates are part of the optimizer's state dict.
 */
export abstract class LRScheduler {
  /** Steps taken. */
  lastEpoch = 0;
  /** The rates at the start. */
  baseLrs: number[];

  constructor(readonly optimizer: Scheduled) {
    this.baseLrs = optimizer.paramGroups.map((group) => {
      group.initialLr ??= group.lr;
      return group.initialLr;
    });
  }

  /** The rate of a group at step 0. */
  protected firstLr(_group: Group, base: number): number {
    return base;
  }

  /** The rate of a group at step `lastEpoch`, from that before. */
  protected abstract nextLr(group: Group, base: number): number;

  /** Call it after the optimizer's steps of an epoch (or batch). */
  step(): void {
    this.lastEpoch++;
    this.optimizer.paramGroups.forEach((group, i) => {
      group.lr = this.nextLr(group, this.baseLrs[i]);
    });
  }

  /** Goes back to step 0 and its rates: PyTorch's `step(0)`. */
  restart(): void {
    this.lastEpoch = 0;
    this.optimizer.paramGroups.forEach((group, i) => {
      group.lr = this.firstLr(group, this.baseLrs[i]);
    });
  }

  /** The rates that the next optimizer step will use, one for each group. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map((group) => group.lr);
  }

  /** Save and load it together with the optimizer's, which has the rates. */
  stateDict(): SchedulerState {
    return { lastEpoch: this.lastEpoch, baseLrs: [...this.baseLrs] };
  }

  /**
   * Takes over what `stateDict` gave, or a state dict of PyTorch's scheduler of the same kind as `parsePt` reads it.
   * PyTorch's has the scheduler's options, too: they must be those of this one.
   *
   * @throws ModuleError if it is no such state, of another number of groups, or of other options
   */
  loadStateDict(saved: unknown): void {
    const misfit = (expected: string, found: string, fix: string) =>
      new ModuleError({ op: `${this.constructor.name}.loadStateDict`, expected, found, fix });
    const { lastEpoch, baseLrs, ...options } = fieldsOf(saved) ?? {};
    if (
      !Array.isArray(baseLrs) ||
      baseLrs.length !== this.baseLrs.length ||
      !baseLrs.every((lr) => Number.isFinite(lr)) ||
      !Number.isInteger(lastEpoch) ||
      (lastEpoch as number) < 0
    ) {
      throw misfit(
        `lastEpoch and ${this.baseLrs.length} baseLrs`,
        `${describe(lastEpoch)} and ${Array.isArray(baseLrs) ? `${baseLrs.length}` : 'none'}`,
        'Make the optimizer with the same groups as the one that was saved.',
      );
    }
    const own = this.options();
    for (const [name, value] of Object.entries(options)) {
      if (!Object.hasOwn(own, name)) continue;
      const [here, there] = [own[name], fieldsOf(value) ? counted(value) : value].map((v) =>
        JSON.stringify(v),
      );
      if (here !== there)
        throw misfit(
          `${name} ${here}`,
          there,
          'Make the scheduler with the options of the one that was saved.',
        );
    }
    this.lastEpoch = lastEpoch as number;
    this.baseLrs = [...baseLrs];
  }

  /** The options by which schedulers of one kind differ, by the names that PyTorch's state dict has for them. */
  protected options(): Record<string, unknown> {
    return {};
  }
}

/** What a Counter of PyTorch counts, in order: the milestones of MultiStepLR. */
function counted(counter: unknown): number[] {
  const entries = entriesOf(counter) ?? [];
  return entries
    .flatMap(([key, count]) => new Array<number>(Number(count)).fill(Number(key)))
    .sort((a, b) => a - b);
}
