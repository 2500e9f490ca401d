import { ArgumentError, checkOptions } from '@octet/backend';
import { requireValue } from '../optimizer';
import { setMomentum } from './momentum';
import { type Group, LRScheduler, type Scheduled } from './scheduler';

export interface OneCycleLROptions {
  /** The top of the cycle. */
  maxLr: number;
  /** Steps in all; or give epochs and stepsPerEpoch. */
  totalSteps?: number;
  epochs?: number;
  stepsPerEpoch?: number;
  /** The part of the steps that go up. */
  pctStart?: number;
  annealStrategy?: 'cos' | 'linear';
  /** Whether the momentum (SGD) or the first beta (Adam) goes down as the rate goes up, and back. */
  cycleMomentum?: boolean;
  baseMomentum?: number;
  maxMomentum?: number;
  /** The first rate is maxLr / divFactor. */
  divFactor?: number;
  /** The last rate is the first / finalDivFactor. */
  finalDivFactor?: number;
  /** Up, down to the first rate, then down to the last; rather than up, then all the way down. */
  threePhase?: boolean;
}

const oneCycleOptions =
  'maxLr totalSteps epochs stepsPerEpoch pctStart annealStrategy cycleMomentum baseMomentum maxMomentum ' +
  'divFactor finalDivFactor threePhase';

/** Values of rate and momentum at both ends of a phase, which ends at step `end`. */
interface Phase {
  end: number;
  lr: readonly [from: number, to: number];
  momentum: readonly [from: number, to: number];
}

/**
 * One cycle of the learning rate over a whole training, stepped after every batch: Smith and Topin,
 * "Super-convergence", 2018, in PyTorch's form.
 *
 * @throws ArgumentError for a bad number of steps, or to cycle the momentum of an optimizer without; by `step`, past
 * the last step
 */
export class OneCycleLR extends LRScheduler {
  static override readonly name: string = 'OneCycleLR';

  readonly totalSteps: number;
  private readonly phases: readonly Phase[];
  private readonly anneal: (from: number, to: number, part: number) => number;
  private readonly cycleMomentum: boolean;

  constructor(optimizer: Scheduled, options: OneCycleLROptions) {
    const {
      maxLr,
      epochs = 0,
      stepsPerEpoch = 0,
      totalSteps = epochs * stepsPerEpoch,
      pctStart = 0.3,
      annealStrategy = 'cos',
      cycleMomentum = true,
      baseMomentum = 0.85,
      maxMomentum = 0.95,
      divFactor = 25,
      finalDivFactor = 1e4,
      threePhase = false,
    } = checkOptions('OneCycleLR', options, oneCycleOptions);
    super(optimizer);
    const whole = Number.isInteger(totalSteps) && totalSteps >= 1;
    requireValue(
      whole,
      'OneCycleLR',
      'a whole number of totalSteps, or of epochs and stepsPerEpoch',
      totalSteps,
    );
    requireValue(pctStart >= 0 && pctStart <= 1, 'OneCycleLR', 'pctStart from 0 to 1', pctStart);
    this.totalSteps = totalSteps;
    this.anneal = annealStrategy === 'cos' ? cosine : linear;
    this.cycleMomentum = cycleMomentum;

    const first = maxLr / divFactor;
    const last = first / finalDivFactor;
    const up = { lr: [first, maxLr], momentum: [maxMomentum, baseMomentum] } as const;
    const down = (to: number) => ({ lr: [maxLr, to], momentum: [baseMomentum, maxMomentum] }) as const;
    this.phases = threePhase
      ? [
          { end: pctStart * totalSteps - 1, ...up },
          { end: 2 * pctStart * totalSteps - 2, ...down(first) },
          { end: totalSteps - 1, lr: [first, last], momentum: [maxMomentum, maxMomentum] },
        ]
      : [
          { end: pctStart * totalSteps - 1, ...up },
          { end: totalSteps - 1, ...down(last) },
        ];
    this.baseLrs.fill(first);
    for (const group of optimizer.paramGroups) {
      group.initialLr = first;
      group.lr = this.nextLr(group);
    }
  }

  override step(): void {
    if (this.lastEpoch + 1 > this.totalSteps) {
      throw new ArgumentError({
        op: 'OneCycleLR.step',
        expected: `at most ${this.totalSteps} steps`,
        found: 'one more',
        fix: 'totalSteps counts batches over all epochs.',
      });
    }
    super.step();
  }

  protected override options() {
    return { totalSteps: this.totalSteps, cycleMomentum: this.cycleMomentum };
  }

  protected override firstLr(group: Group): number {
    return this.nextLr(group);
  }

  protected nextLr(group: Group): number {
    let start = 0;
    let phase = this.phases[0];
    for (const next of this.phases.slice(1)) {
      if (this.lastEpoch <= phase.end) break;
      start = phase.end;
      phase = next;
    }
    const part = (this.lastEpoch - start) / (phase.end - start);
    if (this.cycleMomentum) setMomentum('OneCycleLR', group, this.anneal(...phase.momentum, part));
    return this.anneal(...phase.lr, part);
  }
}

function cosine(from: number, to: number, part: number): number {
  return to + ((from - to) / 2) * (1 + Math.cos(Math.PI * part));
}

function linear(from: number, to: number, part: number): number {
  return from + (to - from) * part;
}
