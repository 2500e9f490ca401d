import { type AbortSignalLike, ArgumentError, checkOptions, nextTurn, OctetError } from '@octet/backend';
import { planOf } from '@octet/graph';
import { type AnyModule, requireModule } from '@octet/nn';
import { GraphModule } from '@octet/nn/graph';
import {
  defaultGraphQConfig,
  fuseFx,
  type ModuleRule,
  QConfig,
  type QConfigMapping,
  quantized,
} from '@octet/quantization';
import { noGrad, type Tensor } from '@octet/tensor';
import { argumentsOf, collect, type Inputs, type ModelInput } from '../inputs';
import { isDynamic } from './dynamic-layers';
import { isInt4, isInt8Table, withInt8Tables } from './grouped-layers';
import { layerCosts } from './layer-costs';
import { calledPaths } from './layer-parts';
import { type OutputDb, Reference, worst } from './noise';
import { QuantizeReport } from './report';
import { type CureName, cureNames, freeCures, type Point, Search, type State } from './search';
import { type AnyGraph, int8Of, type Recipe } from './simulation';
import { type Split, split } from './split';
import { running, type States, statesOf } from './states';

/** A figure of the model, such as the accuracy on a test set: higher is better. */
export interface MetricTarget {
  readonly metric: (model: AnyGraph) => number | Promise<number>;
  readonly atLeast: number;
  /** How the report calls it; 'metric'. */
  readonly name?: string;
}

/** How far `quantize` is. */
export interface QuantizeProgress {
  readonly what: string;
  readonly done: number;
  readonly total: number;
  /** The worst output so far, in dB, on the inputs of the choice. */
  readonly db: number | null;
}

export interface QuantizeOptions {
  /** Inputs like those that the model will see: a tensor, or an array of arguments, each. A dozen or more. */
  data: Inputs;
  /** `getDefaultGraphQConfigMapping()` unless given. */
  recipe?: QConfigMapping;
  /** Signal to noise in dB that each output should have, or a metric: then cures are tried until it is reached. */
  target?: number | MetricTarget;
  /** Paths of layers, and names of the graph's nodes, to leave in float. */
  exclude?: readonly string[];
  /**
   * Which cures may be tried, in the order of their price: all with a target, `freeCures` without one, and int8 weights alone for all layers of a
   * model with states. An empty list: the recipe alone is applied and measured. `int4` is
   * no cure, but what a target leaves room for; without a target it is applied where `cures` names it.
   */
  cures?: readonly CureName[];
  /** Seconds that cures may take together; 300. */
  budget?: number;
  /**
   * Of models that are called again and again with their own states: inputs, by name, and the outputs that they become. The inputs of `data` follow
   * one another then. `{}` says that there are none; unless given, they are found for models with recurrent layers.
   */
  states?: Readonly<Record<string, string>>;
  /** Rules of your own, as `prepareFx` takes them. */
  rules?: readonly ModuleRule[];
  /** Waited for. */
  onProgress?: (progress: QuantizeProgress) => unknown;
  /** Ends the search with the signal's reason; the model isn't changed. */
  signal?: AbortSignalLike;
}

export interface Quantized {
  /** In evaluation mode, with the inputs and outputs of the float model. */
  readonly model: AnyGraph;
  readonly report: QuantizeReport;
}

/**
 * A model in int8, and what that costs: measured, and mended where it costs too much.
 *
 * The recipe is applied and its outputs are compared with the float model's. Without a target, whole ranges and equalization, which the int8 model
 * gets for nothing, are taken where they gain, and int8 weights alone by a model with states, if they are worth their time. With one, and as long as it isn't reached, all cures are tried in the
 * order of their price, each on top of those that helped: other ranges, rounding weights one after another (GPTQ), equalization, bias correction, layers left in float by
 * measured effect, layers that quantize their inputs at every call, int8 weights alone, reconstruction block by block, and training of the whole towards the float model's outputs, without labels. Recurrent layers
 * get int8 weights and quantize their inputs at every call; tables get int8 weights. What takes speed must be worth it, by an estimate of its
 * time; what reaches the target, or 55 dB of one beyond that, is kept at any price. Where the target leaves room, layers that memory bounds get 4-bit weights
 * in groups: as many as it still holds with.
 *
 * A model with states, such as a filter of sound, is judged running freely: from the second input on it gets its own states back, so that
 * what rounding leaves in them counts.
 *
 * Calibration, the choice of cures and the judgement use different inputs where there are enough: 12 or more.
 *
 * @param model as `importOnnx` gives it, or written by hand: then it is traced on the first input. It isn't changed
 * @throws ArgumentError for what is no module, or a bad option; QuantizationError without data; OnnxExportError for a model that can't be
 * traced; and what the model throws on the data
 */
export async function quantize(model: AnyModule, options: QuantizeOptions): Promise<Quantized> {
  const known = 'data recipe target exclude cures budget states rules onProgress signal';
  const checked = checkOptions('quantize', options, known);
  const { data, target, budget = 300, onProgress, signal } = checked;
  for (const cure of checked.cures ?? []) requireCure(cure);
  const start = Date.now();
  const given = await collect('quantize', data);
  const { float, fixedSizes } = await graphOf(model, given[0]);
  const states = statesOf(float, checked.states, given[0]);
  const inputs = await withOwnStates(float, given, states);
  const parts = split(inputs, states.size > 0);
  const progress = async (what: string, done: number, total: number, state?: State) => {
    await onProgress?.({ what, done, total, db: state ? worst(state.db) : null });
    await nextTurn();
    signal?.throwIfAborted();
  };
  await progress('calibrate', 0, 1);

  // What runs freely has come through all that was before.
  const before = (part: readonly ModelInput[]) =>
    states.size > 0 ? inputs.slice(0, inputs.indexOf(part[0])) : [];
  const referenceOf = (part: readonly ModelInput[]) => Reference.of(float, part, states, before(part));
  const judgement = await referenceOf(parts.judgement);
  const pointOf = async (model: AnyGraph, db: OutputDb): Promise<Point> => ({
    db: db.some((each) => each !== null) ? worst(db) : null,
    bytes: bytesOf(model),
    ms: await timeOf(model, inputs[0]),
  });
  let whole: Promise<number> | undefined;
  const floatFile = () => {
    if (!whole) whole = fileBytesOf(float, inputs[0]);
    return whole;
  };
  const choice = await referenceOf(parts.choice);
  const isQuick = target === undefined && !checked.cures;
  const cures = checked.cures ?? (isQuick ? quickCures(states) : cureNames);
  const until = start + 1000 * budget;
  const begun = recipeOf(float, checked);
  const search: Search = await Search.begin(
    {
      float,
      calibration: parts.calibration,
      choice,
      all:
        states.size > 0
          ? await referenceOf([...parts.calibration, ...parts.choice])
          : await allOf(parts, referenceOf),
      mayVary: states.size === 0,
      quick: isQuick,
      until,
      enough: typeof target === 'number' ? target : ENOUGH_DB,
      hasTarget: target !== undefined,
      isEnough: async (state, more = 0) => {
        if (target === undefined) return false;
        // Ranges were made of most inputs: those that they weren't made of count by themselves, too.
        if (typeof target === 'number')
          return (
            worst(state.db) >= target + more &&
            worst(await choice.compare(await state.int8())) >= target + more
          );
        return (await target.metric(await state.int8())) >= target.atLeast;
      },
      bytes: async (state) => {
        const [int8, whole] = [await state.int8(), await floatFile()];
        return (await fileBytesOf(int8, inputs[0])) / whole;
      },
      measure: async (state) => {
        const model = await state.int8();
        return pointOf(model, await judgement.compare(model));
      },
      breathe: (what, done, total) => progress(what, done, total, search?.state),
    },
    await withInt8Tables(
      fuseFx(float),
      (path) => begun.inFloat.includes(path) || begun.named.get(path) === null,
    ),
    begun,
  );
  const alone = await search.state.int8();
  const ofRecipe = await judgement.compare(alone);
  const recipePoint = await pointOf(alone, ofRecipe);
  await search.run(cures);
  await progress('judge', 0, 1, search.state);
  const judged = await search.state.int8();
  const after = await judgement.compare(judged);
  // Where inputs are few, none of them may be missing in the ranges.
  const isRefitted = parts.judgedOnOwn && parts.calibration.length < inputs.length;
  const int8 = isRefitted ? await int8Of(await search.refitted(inputs)) : judged;
  const layers = await layerCosts(search.state, judged, {
    reference: judgement,
    time: 1000 * LAYERS_TIME * budget,
    breathe: (done, total) => progress('layers', done, total, search.state),
  });
  const point = await pointOf(int8, after);
  const floatMs = await timeOf(float, inputs[0]);
  const metric =
    typeof target === 'object'
      ? {
          name: target.name ?? 'metric',
          float: await target.metric(float),
          int8: await target.metric(int8),
        }
      : null;
  const report = new QuantizeReport(
    float.outputNames,
    ofRecipe,
    after,
    target === undefined ? null : typeof target === 'number' ? target : target.atLeast,
    target === undefined ||
      (typeof target === 'number' ? worst(after) >= target : (metric?.int8 ?? 0) >= target.atLeast),
    metric,
    search.trials,
    {
      calibration: parts.calibration.length,
      choice: parts.choice.length,
      judgement: parts.judgement.length,
    },
    parts.judgedOnOwn,
    isRefitted,
    [...states].map(([i, o]) => [float.inputNames[i], float.outputNames[o]]),
    { float: bytesOf(float), int8: point.bytes },
    { float: floatMs, int8: point.ms },
    recipePoint,
    layers,
    dynamicLayers(int8),
    weightOnlyLayers(int8),
    int4Layers(int8),
    (Date.now() - start) / 1000,
    fixedSizes,
  );
  return { model: int8, report };
}

/**
 * What cures without training are chosen by: the inputs of the choice, and as many of the calibration as there is time for. A calibration of
 * many inputs says more about a cure than a choice of few.
 */
async function allOf(
  { choice, calibration }: Split,
  referenceOf: (part: readonly ModelInput[]) => Promise<Reference>,
): Promise<Reference> {
  const began = Date.now();
  await referenceOf(choice);
  const each = Math.max(1, Date.now() - began) / choice.length;
  const more = calibration.filter((input) => !choice.includes(input));
  return referenceOf([...choice, ...more.slice(0, Math.floor(COMPARED_MS / each))]);
}

/** Without a target. What rounding leaves in states stays there, which may be worth some time. */
function quickCures(states: States): readonly CureName[] {
  return states.size > 0 ? [...freeCures, 'weightOnly'] : freeCures;
}

function requireCure(cure: CureName): void {
  if (cureNames.includes(cure)) return;
  throw new ArgumentError({
    op: 'quantize',
    expected: `cures of ${cureNames.join(', ')}`,
    found: String(cure),
    fix: 'Leave them out to try all.',
  });
}

/** A copy of the model as a graph, in evaluation mode. */
async function graphOf(
  model: AnyModule,
  input: ModelInput,
): Promise<{ float: AnyGraph; fixedSizes: string | null }> {
  requireModule('quantize', model);
  if (model instanceof GraphModule) return { float: (model as AnyGraph).clone().eval(), fixedSizes: null };
  const { OnnxExportError, symbolicTrace } = await import('@octet/onnx');
  const trace = (dynamicBatch: boolean) =>
    symbolicTrace<Tensor | Tensor[]>(model.clone().eval(), argumentsOf(input) as Tensor[], { dynamicBatch });
  try {
    return { float: await trace(true), fixedSizes: null };
  } catch (error) {
    if (!(error instanceof OnnxExportError)) throw error;
    return { float: await trace(false), fixedSizes: error.found };
  }
}

/** The recipe of each layer, as the search changes it. */
function recipeOf(float: AnyGraph, { recipe, exclude = [], rules }: QuantizeOptions): Recipe {
  const recipes = recipe?.recipesOf(float);
  const qconfig = recipes && (recipes.get(float) ?? [...recipes.values()].find((q) => q instanceof QConfig));
  const named = new Map<string, QConfig | null>();
  for (const [path, module] of recipes ? float.namedModules() : []) {
    const own = recipes?.get(module) ?? null;
    if (path !== '' && own !== qconfig) named.set(path, own);
  }
  return {
    qconfig: qconfig ?? defaultGraphQConfig,
    named,
    inFloat: exclude.map((name) => pathOfNode(float, name) ?? name),
    weightOnly: [],
    dynamic: [],
    int4: new Map(),
    int4Rounded: false,
    variations: 0,
    smooth: undefined,
    equalized: false,
    rounded: false,
    corrected: false,
    rules,
  };
}

/** The path of the layer that the node of this name calls. */
function pathOfNode({ graph }: AnyGraph, name: string): string | undefined {
  const target = graph.nodes.find((node) => node.name === name)?.target;
  return typeof target === 'string' ? target : undefined;
}

function dynamicLayers(model: AnyGraph): string[] {
  return calledPaths(model).filter((path) => isDynamic(model.getSubmodule(path)));
}

function weightOnlyLayers(model: AnyGraph): string[] {
  return model
    .namedModules()
    .flatMap(([path, m]) => (m instanceof quantized.WeightOnly || isInt8Table(m) ? [path] : []));
}

function int4Layers(model: AnyGraph): string[] {
  return calledPaths(model).filter((path) => isInt4(model.getSubmodule(path)));
}

/** Inputs whose states are all 0 after the first have nobody's: they get those that the float model leaves. */
async function withOwnStates(
  float: AnyGraph,
  inputs: readonly ModelInput[],
  states: States,
): Promise<readonly ModelInput[]> {
  if (states.size === 0) return inputs;
  for (const input of inputs.slice(1)) {
    for (const i of states.keys()) {
      const state = await (argumentsOf(input)[i] as Tensor).data();
      if (state.some((v) => v !== 0)) return inputs;
    }
  }
  return [...running(float, inputs, states)].map(({ input }) => input);
}

function bytesOf(model: AnyModule): number {
  return Object.values(model.stateDict()).reduce((sum, t) => sum + t.nbytes, 0);
}

/** Of its ONNX file; of its weights, where it has no such file. */
async function fileBytesOf(model: AnyGraph, input: ModelInput): Promise<number> {
  const { exportOnnx } = await import('@octet/onnx');
  try {
    return (await exportOnnx(model, argumentsOf(input) as Tensor[])).length;
  } catch (error) {
    if (!(error instanceof OctetError)) throw error;
    return bytesOf(model);
  }
}

/** More than this gains no figure of a user's, in dB. */
const ENOUGH_DB = 45;
/** So long the float model may run for a comparison that chooses a cure. */
const COMPARED_MS = 1000;
/** So many runs are timed, or as many as this time has room for. */
const TIMED_RUNS = 7;
const TIMED_MS = 1000;
/** The part of the budget that the costs of layers may take. */
const LAYERS_TIME = 0.1;

/** The least time of a call in milliseconds, planned where the model can be. */
async function timeOf(model: AnyGraph, input: ModelInput): Promise<number> {
  const args = argumentsOf(input) as Tensor[];
  let call: () => unknown = () => noGrad(() => model.call(...args));
  try {
    const plan = await planOf(model, args);
    call = () => plan.run(...args);
  } catch {
    // What looks at numbers in between can't be planned.
  }
  let best = Number.POSITIVE_INFINITY;
  const begun = now();
  for (let i = 0; i < TIMED_RUNS && (i < 2 || now() - begun < TIMED_MS); i++) {
    const start = now();
    for (const t of [call()].flat() as Tensor[]) await t.data();
    best = Math.min(best, now() - start);
  }
  return best;
}

function now(): number {
  return (globalThis as unknown as { performance: { now(): number } }).performance.now();
}
