import type { LayerAnalysis } from './analyze';
import { aloneText, costliest, costOf } from './ranking';
import type { RemedyName } from './remedies/try-remedies';
import type { SensitivityReport } from './sensitivity';
import { decibels } from './statistics';
import { formatDb as db, fineDb as noisyDb } from './verdict';

/** What is wrong, or worth knowing. */
export type Cause =
  | 'kernel'
  | 'clipping'
  | 'outliers'
  | 'channelSpread'
  | 'amplified'
  | 'weights'
  | 'shift'
  | 'rounding'
  | 'sevenBits'
  | 'inherited'
  | 'float'
  | 'even';

/** One thing that costs accuracy, with the numbers behind it and what to do. */
export interface Finding {
  readonly cause: Cause;
  /** The layer's path; null for the whole model. */
  readonly layer: string | null;
  /** In one sentence. */
  readonly what: string;
  /** The numbers. */
  readonly why: string;
  /**
   * What may help, the likeliest first; not tried on this model: see `tryRemedies`. Names of code between backticks. Empty where
   * nothing follows: see the verdict.
   */
  readonly advice: readonly string[];
  /** How much of its own output the layer loses to it, as a signal to noise ratio in dB; null where that can't be said. */
  readonly db: number | null;
  /** What the model's metric loses with this layer alone in int8, as `sensitivity` measured it; null where it wasn't. */
  readonly cost: number | null;
}

/** What can be known beside the layers. */
export interface FindingsContext {
  readonly sensitivity: SensitivityReport | undefined;
  /** The signal to noise ratio of the model's output. */
  readonly outputDb: number | null;
}

type Found = Omit<Finding, 'cost'>;

/** A layer this far below its own noise, or below its input's, has it from those before, or makes it larger. */
const inheritedDb = 10;

/** From this part of the noise on, a shift of channels is what is wrong. */
const shifted = 0.5;

/**
 * Errors of kernels before all, remarks last. Between them the layers: those that cost the model's output most first, where that was
 * measured, else the noisiest by themselves.
 */
export function findingsOf(layers: readonly LayerAnalysis[], context: FindingsContext): Finding[] {
  const { sensitivity } = context;
  const measured = new Map(
    sensitivity?.layers.map((layer) => [layer.path, costOf(sensitivity, layer)] as const),
  );
  const costs = layers
    .flatMap(layerFindings)
    .map((found): Finding => ({ ...found, cost: measured.get(found.layer ?? '') ?? null }))
    .sort((a, b) => (b.cost ?? 0) - (a.cost ?? 0) || (a.db ?? 0) - (b.db ?? 0));
  const remarks = [
    ...(costs.length === 0 ? evenly(layers, context) : []),
    ...inherited(layers, sensitivity),
    ...sevenBits(layers),
    ...leftInFloat(layers),
  ];
  return [...layers.flatMap(kernelFinding).map(withoutCost), ...costs, ...remarks.map(withoutCost)];
}

const withoutCost = (found: Found): Finding => ({ ...found, cost: null });

const percent = (part: number) => `${Number((100 * part).toPrecision(2))} %`;
const number = (value: number) => String(Number(value.toPrecision(3)));

/** What `tryRemedies` can try, as advice. */
export const remedyAdvice: Readonly<Record<RemedyName, string>> = {
  perChannel:
    'Give the weights a scale for each channel: `new QConfig({ activation: HistogramObserver, weight: defaultPerChannelWeightObserver })`.',
  equalize:
    '`equalize(prepared, input)` before the calibration, cross-layer equalization: it makes the channels alike, of weights and of outputs, and costs nothing at run time.',
  correctBias:
    '`correctBias(prepared, data)` after the calibration: it takes the shift of each channel away, and costs nothing at run time.',
  adaround: '`adaround(prepared, data)` after the calibration: it learns which way to round each weight.',
  leaveInFloat:
    'Leave the layers in float that cost the output most: `sensitivity` measures it, `leaveInFloat` does it.',
  eightBits:
    'On Octet’s backends 8 bits are exact. Up to 6 dB better: `new QConfig({ activation: HistogramObserver, weight: defaultPerChannelWeightObserver })`.',
};
const { perChannel, equalize, correctBias, adaround, leaveInFloat, eightBits } = remedyAdvice;
const training = 'Quantization-aware training: `prepareQat`.';

function kernelFinding({ path, int8Type, error }: LayerAnalysis): Found[] {
  if ((error.steps ?? 0) <= error.tolerableSteps) return [];
  return [
    {
      cause: 'kernel',
      layer: path,
      what: `The kernel of ${path} doesn't compute what its scales say.`,
      why: `${int8Type} is up to ${error.steps} steps of its scale away from the same integers simulated in float; rounding explains ${error.tolerableSteps}.`,
      advice: [
        'Run `compareBackends` against the reference backend: another backend with other integers is wrong.',
        'Without such a backend, it is a mistake in the layer or its kernel.',
      ],
      db: null,
    },
  ];
}

/** What of a layer's own noise comes from where, as far as it is worth naming. */
function layerFindings(layer: LayerAnalysis): Found[] {
  const { path, error, weight } = layer;
  const q = layer.activation.quantization;
  const found: Found[] = [];
  const note = (
    cause: Cause,
    value: number | null,
    finding: Pick<Finding, 'what' | 'why' | 'advice'>,
    limit = noisyDb,
  ) => {
    if (value !== null && value < limit) found.push({ cause, layer: path, db: value, ...finding });
  };

  if (q) {
    note('clipping', q.clippingDb, {
      what: `${path} clips its output.`,
      why: `${percent(q.clipped)} of its numbers lie outside ${number(q.low)} … ${number(q.high)}, the range of its integers; in float they go from ${number(layer.activation.min)} to ${number(layer.activation.max)}. Clipping alone leaves ${db(q.clippingDb)}.`,
      advice: [
        'Calibrate with more data, and with data like this: the observer never saw these numbers, or a moving average forgot them.',
        'Use an observer that keeps the whole range, `MinMaxObserver`, for this layer: `QConfigMapping.setModuleName`.',
        'With a range that clips on purpose: quantization-aware training, `prepareQat`.',
      ],
    });
    const stretched = q.levels.middle < 64;
    if (stretched) {
      note('outliers', q.roundingDb, {
        what: `A few large numbers stretch the range of ${path}.`,
        why: `The middle 99.9 % of its numbers take ${q.levels.middle} of 256 integers. Rounding the output alone leaves ${db(q.roundingDb)}.`,
        advice: [
          'Use `HistogramObserver`, or an observer that clips at a percentile, for this layer.',
          'Bound the numbers in the float model (`ReLU6`, `Hardtanh`), or train with weight decay.',
          'Leave the next layer in float only if `sensitivity` says that it helps.',
        ],
      });
    } else {
      note('rounding', q.roundingDb, {
        what: `The output of ${path} is too fine for its integers.`,
        why: `Rounding it alone leaves ${db(q.roundingDb)}, and the middle 99.9 % of its numbers take ${q.levels.middle} of 256 integers: most are close to 0, or far from it with small differences.`,
        advice: [equalize, training],
      });
    }
  }
  if (weight) {
    const { median, max } = weight.channelRange;
    const spread = median > 0 ? max / median : Number.POSITIVE_INFINITY;
    const cost = error.weights?.sqnrDb ?? null;
    const leaves = `Rounding the weights alone leaves ${db(cost)} in the layer's output.`;
    if (!weight.perChannel && spread > 4) {
      // Small channels hide behind a large one in the sum of all: the middle channel counts.
      note('channelSpread', lowest(weight.channelDb.median, cost), {
        what: `One scale doesn't fit all output channels of ${path}.`,
        why: `The largest channel's weights reach ${number(max)}, those of the middle one ${number(median)}: ${number(spread)} times less, so it has about ${Math.max(1, Math.round(255 / spread))} of 256 integers and ${db(weight.channelDb.median)}. ${leaves}`,
        advice: [equalize, perChannel, leaveInFloat],
      });
    } else if (error.shift <= shifted) {
      note('weights', cost, {
        what: `The weights of ${path} don't stand rounding.`,
        why: `${leaves} The weight itself has ${db(weight.error?.sqnrDb ?? null)} and uses ${weight.levelsUsed} integers.`,
        advice: [adaround, leaveInFloat, training],
      });
    }
  }
  if (error.shift > shifted) {
    note('shift', error.local?.sqnrDb ?? null, {
      what: `The int8 output of ${path} is shifted.`,
      why: `${percent(error.shift)} of its noise (${db(error.local?.sqnrDb ?? null)}) is the same for all numbers of a channel.`,
      advice: [correctBias],
    });
  }
  if (isAmplified(layer)) {
    note('amplified', error.total.sqnrDb, {
      what: `${path} makes the noise of its input large.`,
      why: `It gets ${db(error.input?.sqnrDb ?? null)} and gives ${db(error.total.sqnrDb)}, though by itself it has ${db(error.local?.sqnrDb ?? null)}: it counts most on channels that are small beside the others in its input, and have few integers there.`,
      advice: [equalize, leaveInFloat, training],
    });
  }
  return found;
}

function lowest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

const isFarBelow = (low: number | null | undefined, high: number | null | undefined) =>
  typeof low === 'number' && typeof high === 'number' && low < high - inheritedDb;

/** Whether most of a layer's noise comes from layers before. */
const isInherited = ({ error: { total, local } }: LayerAnalysis) =>
  isFarBelow(total.sqnrDb, noisyDb) && isFarBelow(total.sqnrDb, local?.sqnrDb);

/** Whether there was little of it before this layer. */
const isAmplified = (layer: LayerAnalysis) =>
  isInherited(layer) && isFarBelow(layer.error.total.sqnrDb, layer.error.input?.sqnrDb);

/** Where the noise of the layers before has become most of it, for no fault of the layer. */
function inherited(layers: readonly LayerAnalysis[], sensitivity: SensitivityReport | undefined): Found[] {
  const at = layers.find(isInherited);
  if (!at || isAmplified(at)) return [];
  const before = layers.slice(0, layers.indexOf(at));
  return [
    {
      cause: 'inherited',
      layer: at.path,
      what: `From ${at.path} on, most of the noise comes from layers before.`,
      why: `It has ${db(at.error.total.sqnrDb)} there, and the layer by itself ${db(at.error.local?.sqnrDb ?? null)}. ${worstOf(before, sensitivity, 'before it')}`,
      advice: ['Mend the layers before first: the low figure here is not this layer’s own.'],
      db: null,
    },
  ];
}

/**
 * Names the three worst: by what they cost the model's output, where that was measured. A layer's own noise tells little of it: what
 * comes after may hide it, or count on it.
 */
function worstOf(
  layers: readonly LayerAnalysis[],
  sensitivity: SensitivityReport | undefined,
  where = '',
): string {
  const of = where && ` ${where}`;
  if (sensitivity) {
    const paths = new Set(layers.map(({ path }) => path));
    const worst = costliest(sensitivity).filter(({ path }) => paths.has(path));
    if (worst.length > 0) {
      return `The costliest for the output${of}: ${listed(worst, (layer) => `${layer.path} (${aloneText(sensitivity, layer)} with it alone in int8)`)}.`;
    }
  }
  const noisy = layers.filter((layer) => ownNoise(layer) > 0).sort((a, b) => ownNoise(b) - ownNoise(a));
  if (noisy.length === 0) return '';
  return `The noisiest by themselves${of}: ${listed(noisy, (layer) => `${layer.path} (${db(decibels(1, ownNoise(layer)))})`)}. That says little of what they cost the output: \`sensitivity\` measures it.`;
}

function listed<T>(worst: readonly T[], text: (layer: T) => string): string {
  return worst.slice(0, 3).map(text).join(', ');
}

/** What a layer adds, as a part of its signal. */
function ownNoise({ error: { local } }: LayerAnalysis): number {
  return local && local.signal > 0 ? local.noise / local.signal : 0;
}

/** `reduceRange` leaves the upper half of the integers unused, which no kernel of Octet needs. */
function sevenBits(layers: readonly LayerAnalysis[]): Found[] {
  const ranges = layers.flatMap(({ activation }) => activation.quantization ?? []);
  const half = ranges.filter(({ upperHalf }) => upperHalf < 0.01);
  if (ranges.length < 2 || half.length < ranges.length) return [];
  return [
    {
      cause: 'sevenBits',
      layer: null,
      what: 'All activations take 7 of 8 bits.',
      why: 'Less than 1 % of the numbers of every layer take integers above 127: the recipe reduces the range (reduceRange, the recipes x86 and fbgemm), or halves it.',
      advice: [eightBits, 'Keep it for engines that add up pairs of products in 16 bits: x64 without VNNI.'],
      db: null,
    },
  ];
}

function leftInFloat(layers: readonly LayerAnalysis[]): Found[] {
  const float = layers.filter(({ int8Type, weight, macs }) => int8Type === null && !weight && macs > 0);
  if (float.length === 0 || float.length === layers.length) return [];
  const part = macsPart(float, layers);
  return [
    {
      cause: 'float',
      layer: null,
      what: `${float.length === 1 ? 'One layer runs' : `${float.length} layers run`} in float.`,
      why: `${float.map(({ path }) => path).join(', ')}: ${percent(part)} of all multiplications.`,
      advice: ['If that wasn’t meant, give them a qconfig: see `QConfigMapping`.'],
      db: null,
    },
  ];
}

function macsPart(some: readonly LayerAnalysis[], all: readonly LayerAnalysis[]): number {
  const sum = (layers: readonly LayerAnalysis[]) => layers.reduce((total, { macs }) => total + macs, 0);
  return sum(all) > 0 ? sum(some) / sum(all) : 0;
}

/** No layer stands out. */
function evenly(layers: readonly LayerAnalysis[], { sensitivity, outputDb }: FindingsContext): Found[] {
  const worst = worstOf(layers, sensitivity);
  if (worst === '') return [];
  return [
    {
      cause: 'even',
      layer: null,
      what: 'No layer stands out: the noise comes from all of them, a little each.',
      why: `The output has ${db(outputDb)}. ${worst}`,
      advice: [
        equalize,
        ...(layers.some(({ weight }) => weight?.perChannel === false) ? [perChannel] : []),
        adaround,
        correctBias,
        leaveInFloat,
        training,
      ],
      db: outputDb,
    },
  ];
}
