import { ModuleError } from '@octet/backend';

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

  /** The rate of a group at step `lastEpoch`, from that before. */
  protected abstract nextLr(group: Group, base: number): number;

  /** Call it after the optimizer's steps of an epoch (or batch). */
  step(): void {
    this.lastEpoch++;
    this.optimizer.paramGroups.forEach((group, i) => {
      group.lr = this.nextLr(group, this.baseLrs[i]);
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

  /** @throws ModuleError if it is of another number of groups */
  loadStateDict({ lastEpoch, baseLrs }: SchedulerState): void {
    if (baseLrs?.length !== this.baseLrs.length || !Number.isInteger(lastEpoch)) {
      throw new ModuleError({
        op: `${this.constructor.name}.loadStateDict`,
        expected: `lastEpoch and ${this.baseLrs.length} baseLrs`,
        found: `${lastEpoch} and ${baseLrs?.length ?? 'none'}`,
        fix: 'Make the optimizer with the same groups as the one that was saved.',
      });
    }
    this.lastEpoch = lastEpoch;
    this.baseLrs = [...baseLrs];
  }
}
