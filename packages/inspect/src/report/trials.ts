import {
  isWorthwhile,
  type Judgement,
  type RemedyName,
  type RemedyTrial,
  type RemedyTrials,
} from '../remedies/try-remedies';
import { formatDb, formatMetric } from '../verdict';

const names: Readonly<Record<RemedyName, string>> = {
  eightBits: '8-bit activations',
  perChannel: 'per-channel weights',
  equalize: '`equalize`',
  correctBias: '`correctBias`',
  adaround: '`adaround`',
  leaveInFloat: '`leaveInFloat`',
};

/** What was tried, for people; names of code between backticks. */
function trialName({ remedies, inFloat }: RemedyTrial): string {
  const which = inFloat.length > 0 ? ` (${inFloat.length} ${inFloat.length === 1 ? 'layer' : 'layers'})` : '';
  return `${remedies.map((name) => names[name]).join(' + ')}${which}`;
}

/** What came of it, in one sentence. */
export function trialsText({ before, trials, metricName }: RemedyTrials): string {
  const best = trials.find(isWorthwhile);
  if (!best) return 'None of the remedies that were tried gains anything.';
  const [from, to] = [before.metric, best.after?.metric];
  const metric =
    metricName !== null && typeof from === 'number' && typeof to === 'number'
      ? `, and ${metricName} from ${formatMetric(metricName, from)} to ${formatMetric(metricName, to)}`
      : '';
  return `Best of what was tried: ${trialName(best)} takes the output from ${formatDb(before.sqnrDb)} to ${formatDb(best.after?.sqnrDb ?? null)}${metric}.`;
}

/** Which layers were left in float; undefined if none were. */
export function inFloatText({ trials }: RemedyTrials): string | undefined {
  const { inFloat = [] } = trials.find((trial) => trial.inFloat.length > 0) ?? {};
  return inFloat.length > 0 ? `\`leaveInFloat\` left in float: ${inFloat.join(', ')}.` : undefined;
}

/** One line of the table; `reason` stands in place of the cells where it couldn't be applied. */
export interface TrialRow {
  readonly name: string;
  readonly cells: readonly string[];
  readonly reason: string | null;
}

/** What each gained; the recipe alone first. Names of code between backticks. */
export function trialRows({ before, trials, metricName }: RemedyTrials): {
  columns: readonly string[];
  rows: readonly TrialRow[];
} {
  const cells = ({ sqnrDb, metric }: Judgement, gain: string) => [
    formatDb(sqnrDb),
    gain,
    ...(metricName !== null && metric !== null ? [formatMetric(metricName, metric)] : []),
  ];
  return {
    columns: ['output', 'gained', ...(metricName === null ? [] : [metricName])],
    rows: [
      { name: 'the recipe alone', cells: cells(before, ''), reason: null },
      ...trials.map((trial) => ({
        name: trialName(trial),
        cells: trial.after ? cells(trial.after, gainText(trial.gainDb)) : [],
        reason: trial.reason,
      })),
    ],
  };
}

function gainText(gainDb: number | null): string {
  return gainDb === null ? '' : `${gainDb < 0 ? '−' : '+'}${Math.abs(gainDb).toFixed(1)} dB`;
}
