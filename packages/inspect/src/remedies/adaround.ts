import {
  type AbortSignalLike,
  ArgumentError,
  breathe,
  checkOptions,
  QuantizationError,
  quantRange,
} from '@octet/backend';
import { type AnyModule, Parameter } from '@octet/nn';
import { Adam } from '@octet/optim';
import {
  type ModuleRule,
  type ModuleRules,
  Observer,
  type ObserverOptions,
  QConfig,
  type QparamTensors,
} from '@octet/quantization';
import { noGrad, numel, type QParams, qparamArrays, scope, type Tensor, tensor } from '@octet/tensor';
import { collect, type Inputs, type ModelInput } from '../inputs';
import type { LayerPair } from '../layers';
import { record } from '../record';
import { convertPair, type WeightLayer } from './convert-pair';

export interface AdaroundOptions {
  /** Steps for each layer; one step takes one input of the data, in turn. 1000 */
  iterations?: number;
  /** Of Adam. 0.03 */
  lr?: number;
  /** How much it costs a weight to lie halfway between two integers, in units of the mean cost of rounding one. 10 */
  regParam?: number;
  /** Its exponent, at first and at last: the lower, the more weights must choose. [20, 2] */
  betaRange?: readonly [start: number, end: number];
  /** The part of the steps before it counts at all. 0.2 */
  warmStart?: number;
  /** Rules of your own: those of `prepare`. */
  rules?: readonly ModuleRule[];
  /** Told after each layer, and waited for. */
  onProgress?: (done: number, total: number, layer: RoundedLayer) => unknown;
  /** Ends it with the signal's reason, between two steps; the model isn't changed. */
  signal?: AbortSignalLike;
}

/** What rounding did to one layer: the mean squared error of its output on the data. */
export interface RoundedLayer {
  readonly path: string;
  /** With every weight rounded to the nearest integer. */
  readonly nearest: number;
  /** With the rounding kept: never more. */
  readonly learned: number;
}

/**
 * AdaRound (Nagel et al., 2020, https://arxiv.org/abs/2004.10568), in place: learns for each weight whether to round it up
 * or down, layer after layer, such that the layer's output comes nearest to the float model's, given what the int8
 * layers before it hand on. Writes the rounded weights, and sees that `convert` gives them the same scale.
 *
 * Needs memory for one layer at a time: of each input in `data`, the layer's input in bytes and its output in floats. Where
 * learning finds nothing better than the nearest integers, these stay.
 *
 * @param prepared of `prepare`, calibrated; call `equalize` before, `correctBias` after
 * @param data some batches like those of the calibration
 * @throws QuantizationError if it wasn't prepared or calibrated, without data, or for numbers that aren't finite
 * @throws ArgumentError for an option out of range; the signal's reason
 */
export async function adaround(
  prepared: AnyModule,
  data: Inputs,
  options?: AdaroundOptions,
): Promise<RoundedLayer[]> {
  const {
    onProgress,
    signal,
    rules: own,
    ...given
  } = checkOptions('adaround', options, 'iterations lr regParam betaRange warmStart rules onProgress signal');
  const settings = { ...defaults, ...given };
  checkSettings(settings);
  const { float, int8, layers, rules } = await convertPair('adaround', prepared, own);
  const inputs = await collect('adaround', data);
  const { calls } = record(
    float,
    layers.map((pair) => [pair.path, pair.float]),
    inputs[0],
  );
  const byPath = new Map(layers.map((pair) => [pair.path, pair]));
  const order = [...calls.keys()].map((path) => byPath.get(path) as LayerPair);
  const results: { result: RoundedLayer; weight: Tensor }[] = [];
  for (const pair of order) {
    const rounding = new Rounding(pair, rules, samplesOf(pair, { float, int8 }, inputs));
    const result = await rounding.learn(settings, signal);
    // Those after it get what it gives now.
    pair.int8.loadStateDict({ weight: rounding.best }, { strict: false });
    results.push({ result, weight: rounding.best });
    await onProgress?.(results.length, order.length, result);
  }
  for (const { result, weight } of results) keepRounded(prepared.getSubmodule(result.path), rules, weight);
  return results.map(({ result }) => result);
}

type Settings = Required<Omit<AdaroundOptions, 'onProgress' | 'rules' | 'signal'>>;

/**
 * `betaRange` and `warmStart` as in AIMET, which takes 10,000 steps of 0.01 for the same way. Its regParam, 0.01, is beside
 * an error in the units of the layer's output, and outweighs it where these are small.
 */
const defaults: Settings = { iterations: 1000, lr: 0.03, regParam: 10, betaRange: [20, 2], warmStart: 0.2 };

function checkSettings({ iterations, lr, regParam, betaRange, warmStart }: Settings): void {
  const refuse = (expected: string, found: unknown) => {
    throw new ArgumentError({
      op: 'adaround',
      expected,
      found: String(found),
      fix: `Leave it out for the default: ${JSON.stringify(defaults)}.`,
    });
  };
  if (!(Number.isInteger(iterations) && iterations > 0))
    refuse('a whole number of iterations > 0', iterations);
  if (!(lr > 0)) refuse('lr > 0', lr);
  if (!(regParam >= 0)) refuse('regParam >= 0', regParam);
  // Below 1 the gradient has a pole at one half.
  if (!betaRange.every((beta) => beta >= 1)) refuse('betas >= 1', betaRange);
  if (!(warmStart >= 0 && warmStart < 1)) refuse('0 <= warmStart < 1', warmStart);
}

/** What a layer gets in the int8 model, and what it gives in the float one. */
interface Sample {
  readonly x: Tensor;
  readonly target: Tensor;
}

function samplesOf(
  { path, float, int8 }: LayerPair,
  models: { float: AnyModule; int8: AnyModule },
  inputs: readonly ModelInput[],
): Sample[] {
  return inputs.flatMap((input) => {
    const wanted = record(models.float, [[path, float]], input).calls.get(path) ?? [];
    const given = record(models.int8, [[path, int8]], input).calls.get(path) ?? [];
    return wanted.map(({ output }, i) => ({ x: given[i].args[0] as Tensor, target: output }));
  });
}

/** Turns of the event loop cost milliseconds in a page. */
const STEPS_BETWEEN_BREATHS = 10;

/** One layer's weight, and which way each of its numbers is rounded. */
class Rounding {
  /** The int8 weight that does best: the nearest integers, at first. */
  best: Tensor;
  private readonly path: string;
  /** Its weight is exchanged: soft, to learn, and rounded, to measure. */
  private readonly layer: AnyModule;
  private readonly holder: { weight: Tensor };

  constructor(
    { path, float, int8 }: LayerPair,
    rules: ModuleRules,
    private readonly samples: readonly Sample[],
  ) {
    this.path = path;
    this.best = (int8 as unknown as { weight: Tensor }).weight;
    this.layer = float.clone();
    for (const parameter of this.layer.parameters()) parameter.requiresGrad = false;
    this.holder = rules.scaledBy(this.layer) as WeightLayer;
  }

  async learn(settings: Settings, signal: AbortSignalLike | undefined): Promise<RoundedLayer> {
    const { path, best } = this;
    const float = this.holder.weight;
    const nearest = await this.errorWith(best);
    const noise = await this.noiseOf(best, float);
    if (!Number.isFinite(nearest + noise)) throw notFinite(path);
    // Weights that are whole already.
    if (noise === 0) return { path, nearest, learned: nearest };
    const soft = await SoftWeight.of(float, best.qparams as QParams);
    const optimizer = new Adam([soft.v], { lr: settings.lr });
    for (let i = 0; i < settings.iterations; i++) {
      if (i % STEPS_BETWEEN_BREATHS === 0) await breathe(signal);
      scope(() => {
        this.loss(soft, noise, i, settings).backward();
        optimizer.step();
        optimizer.zeroGrad();
      });
    }
    const rounded = await soft.rounded();
    const learned = await this.errorWith(rounded);
    if (learned < nearest) this.best = rounded;
    return { path, nearest, learned: Math.min(learned, nearest) };
  }

  /** Equation 25: the output's squared error, here in units of `noise`, and how far from whole the rounding is. */
  private loss(soft: SoftWeight, noise: number, iteration: number, settings: Settings): Tensor {
    const { x, target } = this.samples[iteration % this.samples.length];
    const h = soft.h();
    const error = this.output(soft.with(h), x)
      .mseLoss(target)
      .mul(h.numel / noise);
    const { iterations, warmStart, regParam, betaRange } = settings;
    const start = warmStart * iterations;
    if (iteration < start) return error;
    const [from, to] = betaRange;
    const beta =
      to + 0.5 * (from - to) * (1 + Math.cos((Math.PI * (iteration - start)) / (iterations - start)));
    // Σ 1 - |2h - 1|^β, without the constant.
    return error.sub(h.affine(2, -1).abs().pow(beta).sum().mul(regParam));
  }

  private output(weight: Tensor, x: Tensor): Tensor {
    this.holder.weight = weight;
    return this.layer.call(x.dequantize());
  }

  /** The mean squared error of the layer's output with this int8 weight. */
  private errorWith(int8: Tensor): Promise<number> {
    const weight = noGrad(() => int8.dequantize());
    return this.meanOver(({ x, target }) => this.output(weight, x).mseLoss(target, { reduction: 'sum' }));
  }

  /** What of that comes from this weight alone. */
  private noiseOf(int8: Tensor, float: Tensor): Promise<number> {
    const weight = noGrad(() => int8.dequantize());
    return this.meanOver(({ x }) =>
      this.output(weight, x).mseLoss(this.output(float, x), { reduction: 'sum' }),
    );
  }

  private async meanOver(sumOf: (sample: Sample) => Tensor): Promise<number> {
    let [sum, count] = [0, 0];
    for (const sample of this.samples) {
      const t = noGrad(() => scope(() => sumOf(sample)));
      sum += (await t.data())[0];
      count += sample.target.numel;
    }
    return sum / count;
  }
}

// The sigmoid is stretched so that it reaches 0 and 1: equation 23.
const zeta = 1.1;
const gamma = -0.1;

/** A weight whose rounding can be learned: (floor(w / s) + h(v)) · s, within the integers' range (equation 22). */
class SoftWeight {
  private constructor(
    private readonly qparams: QParams,
    /** The integers below. */
    private readonly low: Tensor,
    private readonly scale: Tensor,
    private readonly zeroPoint: Tensor,
    readonly v: Parameter,
  ) {}

  /** At first, h(v) is what rounding down leaves. */
  static async of(weight: Tensor, qparams: QParams): Promise<SoftWeight> {
    const values = await weight.data();
    const { scale, zeroPoint } = qparamArrays(qparams);
    const inner = qparams.scheme === 'perTensor' ? weight.numel : numel(weight.shape.slice(qparams.axis + 1));
    const channel = (i: number) => Math.floor(i / inner) % scale.length;
    const tensorOf = (value: (i: number) => number) =>
      tensor(
        Float32Array.from(values, (_, i) => value(i)),
        { backend: weight.backend },
      ).reshape(weight.shape);
    const low = (i: number) => Math.floor(values[i] / scale[channel(i)]);
    const v = (i: number) => -Math.log((zeta - gamma) / (values[i] / scale[channel(i)] - low(i) - gamma) - 1);
    return new SoftWeight(
      qparams,
      tensorOf((i) => low(i) + zeroPoint[channel(i)]),
      tensorOf((i) => scale[channel(i)]),
      tensorOf((i) => zeroPoint[channel(i)]),
      new Parameter(tensorOf(v)),
    );
  }

  h(): Tensor {
    return this.v
      .sigmoid()
      .affine(zeta - gamma, gamma)
      .clamp(0, 1);
  }

  with(h: Tensor): Tensor {
    return this.low
      .add(h)
      .clamp(...quantRange.qint8)
      .sub(this.zeroPoint)
      .mul(this.scale);
  }

  /** In integers, each rounded the way that h is nearer to. */
  async rounded(): Promise<Tensor> {
    const { qparams, low, v } = this;
    const up = Float32Array.from(await v.data(), (value) => (value >= 0 ? 1 : 0));
    const float = noGrad(() => this.with(tensor(up, { backend: low.backend }).reshape(low.shape)));
    return qparams.scheme === 'perTensor'
      ? float.quantizePerTensor(qparams.scale, qparams.zeroPoint, 'qint8')
      : float.quantizePerChannel(qparams.scales, qparams.zeroPoints, qparams.axis, 'qint8');
  }
}

/** Puts the rounded weight in a prepared layer's place, with a recipe that finds these integers again. */
function keepRounded(layer: AnyModule, rules: ModuleRules, weight: Tensor): void {
  noGrad(() => rules.scaledBy(layer)?.weight.copy_(weight.dequantize()));
  const { activation } = layer.qconfig as QConfig;
  layer.qconfig = new QConfig({
    activation,
    weight: KnownScale.withArgs({ dtype: 'qint8', qparams: weight.qparams as QParams }),
  });
}

/** Says the scale that a rounded weight has: its range alone would give a slightly smaller one. */
class KnownScale extends Observer {
  static override readonly name: string = 'KnownScale';
  static readonly pure = true;

  private readonly qparams: QParams;

  constructor({ qparams, ...options }: ObserverOptions & { qparams: QParams }) {
    super(options);
    this.qparams = qparams;
    this.observed = true;
  }

  override get chAxis(): number | undefined {
    return this.qparams.scheme === 'perChannel' ? this.qparams.axis : undefined;
  }

  override forward(x: Tensor): Tensor {
    return x;
  }

  override calculateQparams(): QparamTensors {
    const { scale, zeroPoint } = qparamArrays(this.qparams);
    return { scale: tensor(scale), zeroPoint: tensor(zeroPoint) };
  }
}

function notFinite(path: string): QuantizationError {
  return new QuantizationError({
    op: 'adaround',
    expected: 'finite numbers in both models',
    found: `others in '${path}'`,
    fix: 'Look for the layer that makes them, or for such numbers in the data.',
  });
}
