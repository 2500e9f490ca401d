import type { LayerCost } from './layer-costs';
import { type OutputDb, worst } from './noise';
import type { CureTrial, Point } from './search';

/** An output with less dB than this is of no use to anybody; with less than that, of use to few. */
const RUINED_DB = 10;
const POOR_DB = 20;

/** A model in float and in int8. */
export interface Pair {
  readonly float: number;
  readonly int8: number;
}

/** The int8 model's part of the float model's bytes; all of none. */
export function partOfFloat({ float, int8 }: Pair): number {
  return float > 0 ? int8 / float : 1;
}

/** What `quantize` found. Plain data, but for its text: `String(report)`. */
export class QuantizeReport {
  constructor(
    /** The outputs' names. */
    readonly outputs: readonly string[],
    /** Signal to noise of each output by the recipe alone, and in the end, in dB; null where there is no noise. */
    readonly before: OutputDb,
    readonly after: OutputDb,
    /** What was asked for, in dB or in the metric; null if nothing was. */
    readonly target: number | null,
    readonly reached: boolean,
    /** The metric of both models; null if there is none. */
    readonly metric: (Pair & { readonly name: string }) | null,
    readonly cures: readonly CureTrial[],
    /** How many inputs did what. */
    readonly inputs: { readonly calibration: number; readonly choice: number; readonly judgement: number },
    /** Whether the judgement had to take inputs that chose something: then `after` looks better than it is. */
    readonly judgedOnOwn: boolean,
    /** Whether the model was made once more, as it was judged, of all inputs: the figures are of one that was made of the calibration's. */
    readonly refitted: boolean,
    /** Inputs that are outputs of the call before, by name: the figures are of a model that runs freely. */
    readonly states: readonly (readonly [input: string, output: string])[],
    /** Bytes of weights. */
    readonly bytes: Pair,
    /** Milliseconds of a call here, the least of some. */
    readonly ms: Pair,
    /** The recipe alone, beside the `point` of each cure. */
    readonly recipe: Point,
    /** Layers and functions, and what each costs: the costliest first. Some stay in float, and say why. */
    readonly layers: readonly LayerCost[],
    /** Recurrent layers, linear ones and convolutions with int8 weights whose inputs are quantized at every call. */
    readonly dynamic: readonly string[],
    /** Layers with int8 weights and products of floats, and tables with int8 weights. */
    readonly weightOnly: readonly string[],
    /** Layers with 4-bit weights in groups and products of floats. */
    readonly int4: readonly string[],
    readonly seconds: number,
    /** Why the model takes inputs of the first one's sizes alone; null where batches may have any size. */
    readonly fixedSizes: string | null = null,
  ) {}

  /** What to know before using the model, worst first; empty if nothing speaks against it. */
  get warnings(): string[] {
    const { bytes, ms, target, reached, after } = this;
    const warnings: string[] = [];
    if (this.isFloat)
      warnings.push(
        'Nothing of this model became int8: no layer of it has an int8 form, or all are in integers already.',
      );
    else if (partOfFloat(bytes) >= 0.9)
      warnings.push(
        `The int8 model is hardly smaller: ${(100 * partOfFloat(bytes)).toFixed(0)} % of the float model's weights.`,
      );
    if (ms.int8 > ms.float)
      warnings.push(
        `The int8 model is slower here: ${ms.int8.toFixed(2)} ms, in float ${ms.float.toFixed(2)} ms.`,
      );
    if (target !== null && !reached) warnings.push(`The target of ${target} was not reached.`);
    const least = worst(after);
    const advice =
      target === null ? ' Give a target, such as 30 dB: cures are tried until it is reached.' : '';
    if (least < RUINED_DB)
      warnings.push(
        `An output has ${least.toFixed(1)} dB of signal to noise: don’t use this model.${advice}`,
      );
    else if (least < POOR_DB && advice)
      warnings.push(
        `An output has ${least.toFixed(1)} dB of signal to noise, where 30 are as good as float.${advice}`,
      );
    if (this.fixedSizes)
      warnings.push(`The model takes inputs of the first one’s sizes alone: it has ${this.fixedSizes}.`);
    if (this.judgedOnOwn)
      warnings.push('The figures are of inputs that chose the cures, for there are less than 12: give more.');
    return warnings;
  }

  /** Whether no part of the model is in integers, or has integers as its weights. */
  get isFloat(): boolean {
    const { layers, dynamic, weightOnly, int4 } = this;
    return (
      layers.every(({ runs }) => runs === 'float') && dynamic.length + weightOnly.length + int4.length === 0
    );
  }

  /** Layers and functions without integers. */
  get inFloat(): readonly LayerCost[] {
    const withIntegers = [...this.int4, ...this.weightOnly, ...this.dynamic];
    return this.layers.filter(({ path, runs }) => runs === 'float' && !withIntegers.includes(path));
  }

  toString(): string {
    const { outputs, before, after, cures, bytes, ms, inputs, dynamic, metric, weightOnly, int4, states } =
      this;
    const db = (value: number | null) => (value === null ? 'exact' : `${value.toFixed(1)} dB`);
    const { inFloat } = this;
    const lines = [
      ...this.warnings,
      ...outputs.map((name, i) => `${name}: ${db(after[i])} (the recipe alone: ${db(before[i])})`),
      ...(metric ? [`${metric.name}: ${metric.int8} in int8, ${metric.float} in float`] : []),
      `${(bytes.int8 / 1000).toFixed(1)} kB of ${(bytes.float / 1000).toFixed(1)} kB (${partOfFloat(bytes).toFixed(2)}); ${ms.int8.toFixed(2)} ms of ${ms.float.toFixed(2)} ms a call`,
      `inputs: ${inputs.calibration} for calibration, ${inputs.choice} for the choice of cures, ${inputs.judgement} for these figures`,
      ...(this.refitted
        ? ['The model was made once more, of all inputs; the figures are of one that was made of the first.']
        : []),
      ...(states.length > 0
        ? [`running freely: ${states.map(([input, output]) => `${output} becomes ${input}`).join(', ')}`]
        : []),
      ...cures.map(({ cure, gainDb, kept, what, seconds }) => {
        const gain = gainDb === null ? '–' : `${gainDb >= 0 ? '+' : ''}${gainDb.toFixed(1)} dB`;
        return `  ${cure.padEnd(12)} ${gain.padStart(8)}  ${kept ? 'kept' : 'not kept'}, ${seconds.toFixed(1)} s: ${what}`;
      }),
      ...(dynamic.length > 0 ? [`int8 by dynamic quantization: ${dynamic.join(', ')}`] : []),
      ...(weightOnly.length > 0 ? [`int8 weights, products in float: ${weightOnly.join(', ')}`] : []),
      ...(int4.length > 0 ? [`4-bit weights in groups, products in float: ${int4.join(', ')}`] : []),
      ...(inFloat.length > 0
        ? ['in float:', ...inFloat.map(({ path, type, reason }) => `  ${path} (${type}): ${reason}`)]
        : []),
    ];
    return lines.join('\n');
  }
}
