import {
  type AbortSignalLike,
  breathe,
  checkOptions,
  QuantizationError,
  type QuantizedDType,
  requireIterable,
} from '@octet/backend';
import type { AnyModule } from '@octet/nn';
import { type ModuleRule, moduleRules } from '@octet/quantization';
import { noGrad, qparamArrays, Tensor } from '@octet/tensor';
import { type Finding, findingsOf } from './findings';
import { type Inputs, mapTensors, noInputs } from './inputs';
import { weightLayer, withInt8Weight } from './layer-weight';
import { bytesOf, isInt8, type LayerPair, layerPairs, macsOf, typeName } from './layers';
import { metricOfFloat } from './metric-of-float';
import { type Call, callAgain, record, valuesOf } from './record';
import type { SensitivityReport } from './sensitivity';
import { type Difference, DifferenceSums, GrowingHistogram, type Histogram, LevelSums } from './statistics';
import { toFloatModel } from './to-float-model';
import { isAccuracy, type RandomPart, type Verdict, verdictOf } from './verdict';
import { analyzeWeight, type WeightAnalysis } from './weights';

/** How well a model does on data of its own; higher is better. */
export type Metric<M extends AnyModule = AnyModule> = (model: M) => number | Promise<number>;

export interface AnalyzeOptions<M extends AnyModule = AnyModule> {
  /** Such as the accuracy on a test set: measured for both models, and reported. */
  metric?: Metric<M>;
  /** How a report calls it; 'metric'. One with 'accuracy' in its name is shown in percent. */
  metricName?: string;
  /**
   * The metric of guessing, where 1 is the best: near it, the float model is said not to have learned. Default: 1 / classes for a
   * metric with 'accuracy' in its name and outputs [N, classes].
   */
  chance?: number;
  /** What `sensitivity` measured on this model: layers are then named by what they cost the output, not by their own noise. */
  sensitivity?: SensitivityReport;
  /** What is random, of the float model's weights and of `data`: then nothing is advised. */
  random?: RandomPart;
  /** Rules of your own: those that the model was fused, prepared and converted with. */
  rules?: readonly ModuleRule[];
  /** Told after each input. */
  onProgress?: (inputs: number) => void;
  /** Ends it with the signal's reason. */
  signal?: AbortSignalLike;
}

/** What a layer gave, in float, and the integers chosen for it. */
export interface ActivationAnalysis {
  readonly min: number;
  readonly max: number;
  readonly histogram: Histogram;
  /** null for a layer that gives floats. */
  readonly quantization: {
    readonly scale: number;
    readonly zeroPoint: number;
    /** The numbers that integers 0 and 255 mean. */
    readonly low: number;
    readonly high: number;
    /** The part of the numbers, 0 to 1, that lies outside and is clipped. */
    readonly clipped: number;
    /** Of the 256 integers: how many occur, and how many the middle 99.9 % of the numbers take. */
    readonly levels: { readonly used: number; readonly middle: number };
    /** What clipping alone costs, and rounding alone. null: nothing. */
    readonly clippingDb: number | null;
    readonly roundingDb: number | null;
    /** The part of the numbers that takes integers above 127: almost none with `reduceRange`. */
    readonly upperHalf: number;
  } | null;
}

/** One layer in float and in int8. */
export interface LayerAnalysis {
  readonly path: string;
  /** The float layer's class. */
  readonly type: string;
  /** The int8 layer's; null if it was left in float. */
  readonly int8Type: string | null;
  /** Multiplications of its first call. */
  readonly macs: number;
  /** Of weights and biases. */
  readonly bytes: { readonly float: number; readonly int8: number };
  readonly error: {
    /** Of the two models' outputs of this layer, with all that happened before. */
    readonly total: Difference;
    /** Of the two models' inputs of this layer. null for the model's own. */
    readonly input: Difference | null;
    /** Of this layer alone: in int8 and in float on the same inputs, the float model's, rounded. null in float. */
    readonly local: Difference | null;
    /** As `local`, but int8 simulated: the float layer with weights and output rounded to the same integers. */
    readonly fakeQuantized: Difference | null;
    /** As `local`, of the int8 layer's weights and bias alone. */
    readonly weights: Difference | null;
    /** The part of the local noise, 0 to 1, that shifts whole channels: what another bias would take away. */
    readonly shift: number;
    /** The largest distance of kernel and simulation, in steps of the output's scale; null without a scale. */
    readonly steps: number | null;
    /** How many of these steps rounding explains: 2, and what the bias loses, which is rounded to whole input · weight scales. */
    readonly tolerableSteps: number;
  };
  readonly activation: ActivationAnalysis;
  readonly weight: WeightAnalysis | null;
}

/** Where an int8 model differs from its float one, and why. Plain data: `JSON.stringify` writes all of it. */
export interface Analysis {
  /** How many inputs were looked at. */
  readonly inputs: number;
  /** Of the whole model's output. */
  readonly output: Difference & {
    /** For outputs [N, classes]: the part of the rows that have the same largest class. null for others. */
    readonly sameClass: number | null;
  };
  /** null if none was asked for. */
  readonly metric: { readonly name: string; readonly float: number; readonly int8: number } | null;
  readonly bytes: { readonly float: number; readonly int8: number };
  /** In the order in which they run. */
  readonly layers: readonly LayerAnalysis[];
  /** Whether it will do. */
  readonly verdict: Verdict;
  /** The worst first: by what a layer costs the output, where `sensitivity` was given, else by its own noise. */
  readonly findings: readonly Finding[];
}

/**
 * Runs a float model and the int8 model made of it side by side, and says for every layer how far they are apart, how much
 * of that is the layer's own doing, and what of it comes from clipping, rounding and weights.
 *
 * `model` may be the float model (fused or not), or a prepared one, whose observers and simulated rounding are left
 * out; it must have the weights that were converted. Both run in evaluation mode and are left as they were. Sums are kept, not batches.
 *
 * @param data inputs for the models: some hundred real ones, other than those of the calibration
 * @throws QuantizationError without data, for numbers that aren't finite, or if the models don't belong together
 */
export async function analyze<M extends AnyModule>(
  model: M,
  converted: M,
  data: Inputs,
  options?: AnalyzeOptions<M>,
): Promise<Analysis> {
  const {
    metric,
    metricName = 'metric',
    chance,
    sensitivity,
    random,
    rules,
    onProgress,
    signal,
  } = checkOptions('analyze', options, 'metric metricName chance sensitivity random rules onProgress signal');
  const known = moduleRules('analyze', rules);
  requireIterable('analyze', 'data', data);
  const floatModel = toFloatModel(model, converted, rules);
  const watched = layerPairs(floatModel, converted, known).map((pair) => new WatchedLayer(pair));
  const output = new DifferenceSums();
  const classes = { same: 0, rows: 0, count: 0 };
  const order = new Set<string>();
  let inputs = 0;
  for await (const input of data) {
    const float = record(floatModel, named(watched, 'float'), input);
    const int8 = record(converted, named(watched, 'int8'), input);
    for (const path of float.calls.keys()) order.add(path);
    for (const layer of watched) {
      const { path } = layer.pair;
      const [ours, theirs] = [float.calls.get(path) ?? [], int8.calls.get(path) ?? []];
      for (let i = 0; i < Math.min(ours.length, theirs.length); i++) await layer.add(ours[i], theirs[i]);
    }
    const [a, b] = [await valuesOf(float.output), await valuesOf(int8.output)];
    output.add(a, b, float.output.shape);
    if (float.output.dim === 2) countClasses(classes, a, b, float.output.shape[1]);
    inputs++;
    onProgress?.(inputs);
    await breathe(signal);
  }
  const difference = output.difference;
  if (!difference) throw noInputs('analyze');
  const paths = [...order];
  const layers = watched
    .flatMap((layer) => layer.result ?? [])
    .sort((a, b) => paths.indexOf(a.path) - paths.indexOf(b.path));
  const sum = (of: 'float' | 'int8') => layers.reduce((total, { bytes }) => total + bytes[of], 0);
  const result = {
    inputs,
    output: { ...difference, sameClass: classes.rows > 0 ? classes.same / classes.rows : null },
    metric: metric
      ? {
          name: metricName,
          float: await metricOfFloat('analyze', metric, floatModel),
          int8: await metric(converted),
        }
      : null,
    bytes: { float: sum('float'), int8: sum('int8') },
    layers,
  };
  const findings = findingsOf(layers, { sensitivity, outputDb: difference.sqnrDb });
  const guessed = isAccuracy(metricName) && classes.count > 0 ? 1 / classes.count : undefined;
  const verdict = verdictOf(
    result,
    findings.flatMap(({ cause, layer }) => (cause === 'kernel' && layer !== null ? [layer] : [])),
    { random, chance: chance ?? guessed },
  );
  return { ...result, verdict, findings: findings.map((finding) => followsFrom(verdict, finding)) };
}

/** Advice on random or untrained models would mislead, but for kernels, which are wrong on any model. */
function followsFrom({ kind }: Verdict, finding: Finding): Finding {
  const { cause } = finding;
  const stays =
    kind === 'fine' ? cause !== 'even' : cause === 'kernel' || kind === 'mend' || kind === 'wrong';
  return stays ? finding : { ...finding, advice: [] };
}

function named(watched: readonly WatchedLayer[], side: 'float' | 'int8'): [string, AnyModule][] {
  return watched.map(({ pair }) => [pair.path, pair[side]]);
}

/** Distance of kernel and simulation that the rounding of sums and outputs explains; see docs/numerics.md. */
const roundingSteps = 2;

/** Sums up what is seen of one layer. */
class WatchedLayer {
  private readonly weightOnly: AnyModule | undefined;
  private readonly total = new DifferenceSums();
  private readonly input = new DifferenceSums();
  private readonly local = new DifferenceSums();
  private readonly fakeQuantized = new DifferenceSums();
  private readonly weights = new DifferenceSums();
  private readonly histogram = new GrowingHistogram();
  private levels: LevelSums | undefined;
  private steps: number | null = null;
  private tolerableSteps = roundingSteps;
  private weight: WeightAnalysis | null = null;
  private passesThrough = false;
  private macs: number | undefined;

  constructor(readonly pair: LayerPair) {
    this.weightOnly = withInt8Weight(pair);
  }

  async add(float: Call, int8: Call): Promise<void> {
    const [x] = int8.args;
    if (x instanceof Tensor && x.storage === int8.output.storage) this.passesThrough = true;
    if (this.passesThrough) return;
    const { method } = float;
    const { shape } = float.output;
    const reference = await valuesOf(float.output);
    this.requireFinite(reference);
    this.total.add(reference, await valuesOf(int8.output), shape);
    for (const [i, a] of float.args.entries()) {
      const b = int8.args[i];
      if (a instanceof Tensor && b instanceof Tensor && a !== b)
        this.input.add(await valuesOf(a), await valuesOf(b), a.shape);
    }
    this.histogram.add(reference);
    const { qparams } = int8.output;
    if (qparams?.scheme === 'perTensor') {
      // A layer without a scale of its own may be called with several: the first one is shown.
      this.levels ??= new LevelSums(qparams.scale, qparams.zeroPoint);
      this.levels.add(reference);
    }
    await this.noteWeight();
    this.macs ??= macsOf(this.pair.float, float);

    if (qparams === undefined && !isInt8(this.pair)) return;
    const inputs = noGrad(() => mapTensors(float.args, quantizedLike, int8.args));
    const rounded = noGrad(() => mapTensors(inputs, (t) => (t.isQuantized ? t.dequantize() : t)));
    const expected = await valuesOf(callAgain(this.pair.float, method, rounded));
    const local = await valuesOf(callAgain(this.pair.int8, method, inputs));
    this.local.add(expected, local, shape);
    const simulated = callAgain(this.weightOnly ?? this.pair.float, method, rounded);
    if (this.weightOnly) this.weights.add(expected, await valuesOf(simulated), shape);
    if (qparams?.scheme !== 'perTensor') return;
    const fake = await valuesOf(noGrad(() => quantizedLike(simulated, int8.output)));
    this.fakeQuantized.add(expected, fake, shape);
    let farthest = 0;
    for (let i = 0; i < fake.length; i++) farthest = Math.max(farthest, Math.abs(fake[i] - local[i]));
    this.steps = Math.max(this.steps ?? 0, Math.round(farthest / qparams.scale));
    this.tolerableSteps = Math.max(
      this.tolerableSteps,
      roundingSteps + this.biasSteps(int8.args, qparams.scale),
    );
  }

  /** Half of the coarsest channel's input · weight scale, in steps of the output. */
  private biasSteps([x]: readonly unknown[], outputScale: number): number {
    const input = x instanceof Tensor ? x.qparams : undefined;
    const weight = weightLayer(this.pair.int8)?.weight.qparams;
    if (input?.scheme !== 'perTensor' || !weight) return 0;
    return Math.ceil((0.5 * input.scale * Math.max(...qparamArrays(weight).scale)) / outputScale);
  }

  private async noteWeight(): Promise<void> {
    const [float, int8] = [weightLayer(this.pair.float)?.weight, weightLayer(this.pair.int8)?.weight];
    if (this.weight || !float || !int8?.qparams) return;
    this.weight = await analyzeWeight(float, int8);
  }

  private requireFinite(values: ArrayLike<number>): void {
    for (let i = 0; i < values.length; i++) {
      if (Number.isFinite(values[i])) continue;
      throw new QuantizationError({
        op: 'analyze',
        expected: 'finite numbers in the float model',
        found: `${values[i]} in the output of '${this.pair.path}'`,
        fix: 'Look for the layer that makes them, or for such numbers in the data.',
      });
    }
  }

  /** undefined for a layer that never ran, or returns its input. */
  get result(): LayerAnalysis | undefined {
    const { pair, total, input, local, fakeQuantized, weights, histogram, levels, steps } = this;
    const difference = total.difference;
    if (this.passesThrough || !difference) return undefined;
    const [low, high] = levels?.range ?? [0, 0];
    return {
      path: pair.path,
      type: typeName(pair.float),
      int8Type: isInt8(pair) || local.difference ? typeName(pair.int8) : null,
      macs: this.macs ?? 0,
      bytes: { float: bytesOf(pair.float), int8: bytesOf(pair.int8) },
      error: {
        total: difference,
        input: input.difference,
        local: local.difference,
        fakeQuantized: fakeQuantized.difference,
        weights: weights.difference,
        shift: local.shift,
        steps,
        tolerableSteps: this.tolerableSteps,
      },
      activation: {
        min: histogram.min,
        max: histogram.max,
        histogram: histogram.histogram,
        quantization: levels
          ? {
              scale: levels.scale,
              zeroPoint: levels.zeroPoint,
              low,
              high,
              clipped: levels.clippedPart,
              levels: levels.levels,
              clippingDb: levels.clippingDb,
              roundingDb: levels.roundingDb,
              upperHalf: levels.upperHalf,
            }
          : null,
      },
      weight: this.weight,
    };
  }
}

/** `x` at the scale of the int8 tensor that stands in its place; as it is where that is no integer. */
function quantizedLike(x: Tensor, int8: unknown): Tensor {
  const q = int8 instanceof Tensor ? int8.qparams : undefined;
  if (q?.scheme !== 'perTensor') return x;
  return x.quantizePerTensor(q.scale, q.zeroPoint, (int8 as Tensor).dtype as QuantizedDType);
}

function countClasses(
  classes: { same: number; rows: number; count: number },
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  width: number,
): void {
  const largest = (values: ArrayLike<number>, row: number) => {
    let best = row * width;
    for (let i = best + 1; i < (row + 1) * width; i++) if (values[i] > values[best]) best = i;
    return best;
  };
  classes.count = width;
  for (let row = 0; row * width < a.length; row++) {
    classes.rows++;
    if (largest(a, row) === largest(b, row)) classes.same++;
  }
}
