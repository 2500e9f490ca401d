import { type AbortSignalLike, ArgumentError, breathe, checkOptions } from '@octet/backend';
import { type AnyModule, Module } from '@octet/nn';
import {
  calibrate,
  convert,
  FloatFunctional,
  fakeQuantize,
  getDefaultQConfigMapping,
  leaveInFloat,
  type Mixed,
  type ModuleRule,
  moduleRules,
  prepare,
  type QConfigMapping,
  type quantized,
} from '@octet/quantization';
import { noGrad, type Tensor, tensor } from '@octet/tensor';
import type { Metric } from './analyze';
import { collect, type Inputs, type ModelInput } from './inputs';
import { putWeight, weightLayer, withInt8Weight } from './layer-weight';
import { isInt8, type LayerPair, layerPairs, typeName } from './layers';
import { metricOfFloat } from './metric-of-float';
import { fidelityName } from './ranking';
import { record, run, valuesOf } from './record';
import { toFloatModel } from './to-float-model';

export interface SensitivityOptions {
  /** The recipe of the int8 model. Default: getDefaultQConfigMapping(). */
  mapping?: QConfigMapping;
  /** How a report calls the metric; 'metric', or what the default one is. */
  metricName?: string;
  /**
   * How much of what is lost the layers left in float should bring back, 0 to 1; 0.8. Where that much can't be had, the same
   * part of what can.
   */
  recover?: number;
  /** How many layers may stay in float; all that have weights. */
  maxFloat?: number;
  /** Rules of your own, as `fuse` and `prepare` take them. */
  rules?: readonly ModuleRule[];
  /**
   * Told after each measurement, and waited for. `total` is the most that may come, and shrinks as it shows how many layers have to stay
   * in float; in the last call `done` is equal to it.
   */
  onProgress?: (done: number, total: number, layer: string) => unknown;
  /** Ends it with the signal's reason; the model isn't changed. */
  signal?: AbortSignalLike;
}

/** What the metric is with one layer in int8, or not. */
export interface LayerSensitivity {
  readonly path: string;
  readonly type: string;
  /** Only this layer in int8: weights and output. */
  readonly alone: number;
  /** All in int8 but this layer. */
  readonly without: number;
  /**
   * As the layer would run among int8 ones (`leaveInFloat`): its weights in float, its output in integers for the next layer.
   * null for what has no weights. Where `without` is much better than this, the output's range is the trouble: another
   * observer helps, float doesn't.
   */
  readonly inFloat: number | null;
}

/** The part that is plain data. */
export interface SensitivityReport {
  readonly metricName: string;
  readonly float: number;
  readonly int8: number;
  /** Those that lose most by themselves first. */
  readonly layers: readonly LayerSensitivity[];
  /** The metric as more and more layers, these and all before, are left in float. */
  readonly steps: readonly { readonly path: string; readonly metric: number }[];
  /** The layers to leave in float. */
  readonly exclude: readonly string[];
  /** The metric with these. */
  readonly metric: number;
}

/** What is sensitive, and the answer: `prepare(result.model, result.mapping)` leaves the worst layers in float. */
export interface Sensitivity<M extends AnyModule> extends SensitivityReport, Mixed<M> {}

/**
 * Measures how much each layer's rounding costs: with it alone in int8, and with all but it. Then leaves as few layers
 * in float as bring back the part `recover` of what is lost.
 *
 * int8 is simulated, in float, on one model that is calibrated once: the same integers to within a step. Layers that are several in int8,
 * LSTM and MultiheadAttention, are left as they are.
 *
 * @param model the float model, fused, in evaluation mode
 * @param data inputs for the calibration
 * @param metric such as the accuracy on a test set; it is handed a model in float. Default: `1 - noise / signal` of the model's
 * output on the data
 * @throws ArgumentError for a bad option or data that can't be iterated; QuantizationError without inputs; what the metric throws;
 * the signal's reason
 */
export async function sensitivity<M extends AnyModule>(
  model: M,
  data: Inputs,
  metric?: Metric<M>,
  options?: SensitivityOptions,
): Promise<Sensitivity<M>> {
  const {
    mapping = getDefaultQConfigMapping(),
    metricName = metric ? 'metric' : fidelityName,
    recover = 0.8,
    maxFloat = Number.POSITIVE_INFINITY,
    rules,
    onProgress,
    signal,
  } = checkOptions('sensitivity', options, 'mapping metricName recover maxFloat rules onProgress signal');
  const withRules = rules && { rules };
  checkPart(recover);
  const inputs = await collect('sensitivity', data);
  const prepared = prepare(model, mapping, withRules);
  await calibrate(prepared, inputs, signal && { signal });
  const simulation = new Simulation(model, await convert(prepared, withRules), inputs[0], rules);
  const measure = metric ?? (await fidelity(simulation.model, inputs));
  const { layers } = simulation;
  const floatable = layers.filter(({ canStayInFloat }) => canStayInFloat).length;
  const single = 2 + 2 * layers.length + floatable;
  // At most: how many layers have to stay in float shows later.
  let total = single + Math.min(floatable, maxFloat);
  let done = 0;
  const measured = async (set: (layer: SimulatedLayer) => Simulated, path = '') => {
    for (const layer of layers) layer.simulate(set(layer));
    const value = await (done === 0
      ? metricOfFloat('sensitivity', measure, simulation.model)
      : measure(simulation.model));
    done++;
    await onProgress?.(done, total, path);
    await breathe(signal);
    return value;
  };

  const float = await measured(() => nothing);
  const int8 = await measured(() => everything);
  const results: LayerSensitivity[] = [];
  for (const layer of layers) {
    const { path, type, canStayInFloat } = layer;
    results.push({
      path,
      type,
      alone: await measured((other) => (other === layer ? everything : nothing), path),
      without: await measured((other) => (other === layer ? nothing : everything), path),
      inFloat: canStayInFloat
        ? await measured((other) => (other === layer ? onlyOutput : everything), path)
        : null,
    });
  }

  const goal = int8 + recover * (float - int8);
  const candidates = results
    .flatMap(({ path, inFloat }) => (inFloat !== null && inFloat > int8 ? [{ path, inFloat }] : []))
    .sort((a, b) => b.inFloat - a.inFloat)
    .slice(0, int8 < goal ? maxFloat : 0);
  const steps: { path: string; metric: number }[] = [];
  total = single + candidates.length;
  for (const { path } of candidates) {
    const inFloat = new Set([...steps.map((step) => step.path), path]);
    const value = await measured((layer) => (inFloat.has(layer.path) ? onlyOutput : everything), path);
    steps.push({ path, metric: value });
    if (value >= goal) break;
  }
  await onProgress?.(done, done, '');
  // Where the goal is out of reach: the same part of what can be had.
  const reach = Math.max(int8, ...steps.map((step) => step.metric));
  const wanted = reach >= goal ? goal : int8 + recover * (reach - int8);
  const last = reach > int8 ? steps.findIndex((step) => step.metric >= wanted) : -1;
  const exclude = steps.slice(0, last + 1).map(({ path }) => path);
  return {
    ...leaveInFloat(model, exclude, mapping),
    metricName,
    float,
    int8,
    layers: results.sort((a, b) => a.alone - b.alone || b.without - a.without),
    steps,
    exclude,
    metric: steps[last]?.metric ?? int8,
  };
}

function checkPart(recover: number): void {
  if (recover >= 0 && recover <= 1) return;
  throw new ArgumentError({
    op: 'sensitivity',
    expected: 'recover from 0 to 1',
    found: String(recover),
    fix: 'It is the part of the loss to bring back: 0.8 by default.',
  });
}

/** 1 - Σ (float - int8)² / Σ float² over the outputs: 1 for the float model. */
async function fidelity(model: AnyModule, inputs: readonly ModelInput[]): Promise<Metric> {
  const outputs = async (of: AnyModule) => Promise.all(inputs.map((input) => valuesOf(run(of, input))));
  const reference = await outputs(model);
  return async (other) => {
    let signal = 0;
    let noise = 0;
    (await outputs(other)).forEach((values, n) => {
      for (let i = 0; i < values.length; i++) {
        signal += reference[n][i] ** 2;
        noise += (reference[n][i] - values[i]) ** 2;
      }
    });
    return 1 - noise / signal;
  };
}

/** What of a layer is rounded. */
interface Simulated {
  readonly weight: boolean;
  readonly output: boolean;
}

const everything: Simulated = { weight: true, output: true };
const nothing: Simulated = { weight: false, output: false };
const onlyOutput: Simulated = { weight: false, output: true };

/** A float model in which each layer's rounding can be switched on. */
class Simulation<M extends AnyModule> {
  readonly model: M;
  readonly layers: readonly SimulatedLayer[];

  /** Layers that `input` doesn't pass are left out. */
  constructor(float: M, converted: M, input: ModelInput, rules: readonly ModuleRule[] | undefined) {
    this.model = toFloatModel(float, converted, rules);
    const pairs = layerPairs(this.model, converted, moduleRules('sensitivity', rules));
    const { calls } = record(
      this.model,
      pairs.map((pair) => [pair.path, pair.float]),
      input,
    );
    this.layers = pairs
      .filter((pair) => calls.has(pair.path) && isInt8(pair) && 'scale' in pair.int8)
      .map((pair) => new SimulatedLayer(pair));
  }
}

class SimulatedLayer {
  readonly path: string;
  readonly type: string;
  private readonly rounding: Rounding;
  private readonly weights: { holder: { weight: Tensor }; float: Tensor; int8: Tensor } | undefined;

  constructor(pair: LayerPair) {
    const { path, float, int8 } = pair;
    this.path = path;
    this.type = typeName(float);
    const rounding = new Rounding(int8 as quantized.Quantize);
    this.rounding = rounding;
    if (float instanceof FloatFunctional) {
      // Its results pass here, as they pass an observer.
      float.activationPostProcess = rounding as unknown as FloatFunctional['activationPostProcess'];
    } else float.registerForwardHook((_, _args, output) => rounding.call(output), { copyOnClone: true });
    const copy = withInt8Weight(pair);
    const [holder, rounded] = [weightLayer(float), copy && weightLayer(copy)];
    if (holder && rounded) this.weights = { holder, float: holder.weight, int8: rounded.weight };
  }

  get canStayInFloat(): boolean {
    return this.weights !== undefined;
  }

  simulate({ weight, output }: Simulated): void {
    this.rounding.on = output;
    if (this.weights) putWeight(this.weights.holder, weight ? this.weights.int8 : this.weights.float);
  }
}

/** Rounds to the integers of an int8 layer's output, when switched on. */
class Rounding extends Module {
  on = false;
  private readonly scale: number;
  private readonly zeroPoint: number;

  constructor({ scale, zeroPoint }: { scale: number; zeroPoint: number }) {
    super();
    this.scale = scale;
    this.zeroPoint = zeroPoint;
  }

  forward(x: Tensor): Tensor {
    if (!this.on) return x;
    const { backend } = x;
    const scale = tensor([this.scale], { backend });
    const zeroPoint = tensor([this.zeroPoint], { dtype: 'int32', backend });
    return noGrad(() => fakeQuantize(x, scale, zeroPoint, { quantMin: 0, quantMax: 255 }));
  }
}
