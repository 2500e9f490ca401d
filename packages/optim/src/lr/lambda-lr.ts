import { ArgumentError, checkOptions } from '@octet/backend';
import { type Group, LRScheduler, type Scheduled } from './scheduler';

/** The factor of each step. */
export type LrLambda = (epoch: number) => number;

export interface LambdaLROptions {
  /** One function for all groups, or one for each. */
  lrLambda: LrLambda | readonly LrLambda[];
}

/**
 * The first rate times what a function gives for the step: lr = base · lrLambda(t). The function is no part of the state dict.
 * @throws ArgumentError unless there is a function for each group
 */
export class LambdaLR extends LRScheduler {
  static override readonly name: string = 'LambdaLR';

  readonly lrLambdas: readonly LrLambda[];

  constructor(optimizer: Scheduled, options: LambdaLROptions) {
    const { lrLambda } = checkOptions('LambdaLR', options, 'lrLambda');
    super(optimizer);
    this.lrLambdas = lambdasOf('LambdaLR', lrLambda, optimizer);
    this.restart();
  }

  protected override firstLr(group: Group, base: number): number {
    return this.nextLr(group, base);
  }

  protected nextLr(group: Group, base: number): number {
    return base * this.lrLambdas[this.optimizer.paramGroups.indexOf(group)](this.lastEpoch);
  }
}

/**
 * The rate before times what a function gives for the step, from the first step on: lr = lr · lrLambda(t). The function is no part of the
 * state dict.
 * @throws ArgumentError unless there is a function for each group
 */
export class MultiplicativeLR extends LRScheduler {
  static override readonly name: string = 'MultiplicativeLR';

  readonly lrLambdas: readonly LrLambda[];

  constructor(optimizer: Scheduled, options: LambdaLROptions) {
    const { lrLambda } = checkOptions('MultiplicativeLR', options, 'lrLambda');
    super(optimizer);
    this.lrLambdas = lambdasOf('MultiplicativeLR', lrLambda, optimizer);
  }

  protected nextLr(group: Group): number {
    return group.lr * this.lrLambdas[this.optimizer.paramGroups.indexOf(group)](this.lastEpoch);
  }
}

function lambdasOf(op: string, given: LrLambda | readonly LrLambda[], { paramGroups }: Scheduled) {
  const all: readonly unknown[] = Array.isArray(given) ? given : paramGroups.map(() => given);
  if (all.length === paramGroups.length && all.every((f) => typeof f === 'function'))
    return all as readonly LrLambda[];
  throw new ArgumentError({
    op,
    expected: `lrLambda: a function, or ${paramGroups.length} of them, one for each group`,
    found: Array.isArray(given) ? `a list of ${given.length}` : String(given),
    fix: 'Write { lrLambda: (epoch) => 0.95 ** epoch }.',
  });
}
