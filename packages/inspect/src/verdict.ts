import type { Analysis } from './analyze';

/** What an analysis comes to. */
export interface Verdict {
  /**
   * `fine`: ship it. `mend`: int8 costs too much. `wrong`: a kernel doesn't compute what its scales say. `unlearned`: the float
   * model's metric is near that of guessing. `random`: weights or data are random, and nothing follows for real ones.
   */
  readonly kind: 'fine' | 'mend' | 'wrong' | 'unlearned' | 'random';
  /** In one sentence. */
  readonly what: string;
  /** The numbers. */
  readonly why: string;
}

/** What of a model and its data is random. */
export type RandomPart = 'weights' | 'data' | 'weights and data';

/** From this signal to noise of the output on, in dB, int8 is no worry. */
export const fineDb = 30;
/** The part of the metric that int8 may cost. */
const tolerableLoss = 0.01;
/** A metric this near to guessing, of the way from there to 1, has learned nothing. */
const learned = 0.1;

export interface VerdictContext {
  readonly random: RandomPart | undefined;
  /** The metric of guessing; undefined where that isn't known. */
  readonly chance: number | undefined;
}

type Judged = Pick<Analysis, 'output' | 'metric'>;

export function verdictOf(
  { output, metric }: Judged,
  wrongKernels: readonly string[],
  { random, chance }: VerdictContext,
): Verdict {
  const figures = [
    output.noise === 0 ? 'The output is exact' : `The output has ${formatDb(output.sqnrDb)}`,
    ...(metric
      ? [
          `${metric.name} is ${formatMetric(metric.name, metric.float)} in float, ${formatMetric(metric.name, metric.int8)} in int8`,
        ]
      : []),
  ].join('; ');
  const enough = `from ${fineDb} dB on int8 is no worry`;
  if (wrongKernels.length > 0) {
    return {
      kind: 'wrong',
      what: `Don’t ship it: the integers of ${wrongKernels.join(', ')} are wrong.`,
      why: `${figures}. No remedy for int8 helps against a wrong kernel.`,
    };
  }
  if (random) {
    return {
      kind: 'random',
      what: `No verdict: the ${random} are random.`,
      why: `${figures}. That says nothing about trained weights on real data, so nothing is advised.`,
    };
  }
  if (metric && chance !== undefined && !(metric.float - chance >= learned * (1 - chance))) {
    return {
      kind: 'unlearned',
      what: 'Train the float model first: it has not learned.',
      why: `${figures}; guessing has ${formatMetric(metric.name, chance)}. What int8 costs such a model says nothing.`,
    };
  }
  const keptMetric = !metric || metric.float - metric.int8 <= tolerableLoss * Math.abs(metric.float);
  const keptOutput = output.noise === 0 || (output.sqnrDb !== null && output.sqnrDb >= fineDb);
  if (keptMetric && keptOutput)
    return { kind: 'fine', what: 'Fine: ship it.', why: `${figures}; ${enough}.` };
  return {
    kind: 'mend',
    what: keptOutput
      ? `Mend it: int8 costs ${metric?.name}.`
      : metric && keptMetric
        ? `${metric.name} holds, but the output is noisy: mend it, or test it on more data.`
        : 'Mend it: int8 costs too much.',
    why: `${figures}; ${enough}${metric ? ` if it keeps ${metric.name} to within ${100 * tolerableLoss} %` : ''}.`,
  };
}

export function formatDb(value: number | null): string {
  return value === null ? 'no noise' : `${value.toFixed(1)} dB`;
}

export const isAccuracy = (metricName: string) => /accuracy/i.test(metricName);

/** An accuracy in percent, by its name; other metrics to five digits, since differences are small. */
export function formatMetric(name: string, value: number): string {
  return isAccuracy(name) && value >= 0 && value <= 1
    ? `${(100 * value).toFixed(2)} %`
    : String(Number(value.toPrecision(5)));
}
