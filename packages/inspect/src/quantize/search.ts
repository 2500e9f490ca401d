import { OctetError } from '@octet/backend';
import type { AnyModule, Conv2d, Linear } from '@octet/nn';
import {
  calibrate,
  MinMaxObserver,
  type ModuleRules,
  moduleRules,
  prepareFx,
  QConfig,
} from '@octet/quantization';
import { noGrad, type Tensor } from '@octet/tensor';
import type { ModelInput } from '../inputs';
import { correctBias } from '../remedies/correct-bias';
import { equalize } from '../remedies/equalize';
import { smoothQuant } from '../remedies/smooth-quant';
import { mean, type OutputDb, type Reference, worst } from './noise';
import { outputsOf } from './outputs';
import {
  type AnyGraph,
  int8Of,
  layersWithWeights,
  mappingOf,
  outputQuantizers,
  type Recipe,
  recurrentLayers,
  simulate,
  weightedLayers,
} from './simulation';
import { distill, reconstruct } from './train';

/** What may bring back what int8 costs, in the order of its price. */
export const cureNames = [
  'ranges',
  'smoothQuant',
  'equalize',
  'correctBias',
  'leaveInFloat',
  'weightOnly',
  'reconstruct',
  'distill',
] as const;
export type CureName = (typeof cureNames)[number];

/** Where the search stands. */
export interface State {
  /** The float graph with fused layers, its weights as the cures left them. */
  readonly fused: AnyGraph;
  readonly recipe: Recipe;
  /** `fused` before its biases were corrected: it computes what the float model does. */
  readonly exact: AnyGraph;
  /** Simulates int8; `convertFx` makes the int8 graph of it. */
  readonly simulation: AnyGraph;
  /** On the inputs of the choice. */
  readonly db: OutputDb;
  /** What was trained, and in how many steps. */
  readonly trained?: readonly Trained[];
}

interface Trained {
  readonly cure: 'reconstruct' | 'distill';
  readonly steps: number;
}

/** How good a model is, and what it takes. Plain data. */
export interface Point {
  /** Signal to noise of the worst output, in dB, on the inputs of the judgement; null without noise. */
  readonly db: number | null;
  /** Bytes of weights. */
  readonly bytes: number;
  /** Milliseconds of a call here, the least of some. */
  readonly ms: number;
}

/** What a cure did. Plain data. */
export interface CureTrial {
  readonly cure: CureName;
  /** In dB, the mean over the outputs, on the inputs of the choice; null where it couldn't be applied. */
  readonly gainDb: number | null;
  readonly kept: boolean;
  /** What it did, or why it couldn't be applied. */
  readonly what: string;
  readonly seconds: number;
  /** The model with it; null where it couldn't be applied. It chooses nothing. */
  readonly point: Point | null;
}

export interface SearchOptions {
  readonly float: AnyGraph;
  readonly calibration: readonly ModelInput[];
  readonly choice: Reference;
  /** Whether inputs may be varied: not where they are states. */
  readonly mayVary: boolean;
  /** When to stop, by `Date.now()`. */
  readonly until: number;
  /** Whether what was found is good enough. */
  readonly isEnough: (state: State) => boolean | Promise<boolean>;
  /** For the report. */
  readonly measure: (state: State) => Promise<Point>;
  /** Waited for; it throws to end. */
  readonly breathe: (what: string, done: number, total: number) => unknown;
}

/** Less than this, in dB, is chance. */
const WORTHWHILE_DB = 0.2;

interface Cured {
  readonly state: State;
  readonly what: string;
}

/** Tries cures one after another, and keeps those that help. */
export class Search {
  readonly trials: CureTrial[] = [];
  private readonly rules: ModuleRules;

  private constructor(
    private readonly options: SearchOptions,
    private current: State,
  ) {
    this.rules = moduleRules('quantize', current.recipe.rules);
  }

  static async begin(options: SearchOptions, fused: AnyGraph, recipe: Recipe): Promise<Search> {
    return new Search(options, await stateOf(options, fused, recipe));
  }

  get state(): State {
    return this.current;
  }

  async run(cures: readonly CureName[]): Promise<void> {
    for (const [i, cure] of cures.entries()) {
      if (Date.now() > this.options.until || (await this.options.isEnough(this.current))) return;
      await this.options.breathe(cure, i, cures.length);
      await this.attempt(cure);
    }
  }

  private async attempt(cure: CureName): Promise<void> {
    const start = Date.now();
    const before = mean(this.current.db);
    let found: Cured | string;
    try {
      found = await this.cured(cure);
    } catch (error) {
      if (!(error instanceof OctetError)) throw error;
      found = error.message;
    }
    const seconds = (Date.now() - start) / 1000;
    if (typeof found === 'string') {
      this.trials.push({ cure, gainDb: null, kept: false, what: found, seconds, point: null });
      return;
    }
    const gainDb = mean(found.state.db) - before;
    const kept = gainDb >= WORTHWHILE_DB;
    if (kept) this.current = found.state;
    const point = await this.options.measure(found.state);
    this.trials.push({ cure, gainDb, kept, what: found.what, seconds, point });
  }

  /** What was found once more, of these inputs: ranges, and training for as many steps. It isn't judged. */
  async refitted(inputs: readonly ModelInput[]): Promise<State> {
    const { fused, recipe, exact, trained = [] } = this.current;
    const { float, breathe } = this.options;
    const options = { ...this.options, calibration: inputs };
    const reconstructs = trained.some(({ cure }) => cure === 'reconstruct');
    const state = await stateOf(options, reconstructs ? exact : fused, recipe, exact);
    for (const { cure, steps } of trained) {
      const settings = {
        steps,
        until: Number.POSITIVE_INFINITY,
        breathe: (i: number, n: number) => breathe('refit', i, n),
      };
      if (cure === 'reconstruct') await reconstruct(state.simulation, inputs, settings);
      else
        await distill(state.simulation, float, inputs, undefined, {
          ...settings,
          vary: this.options.mayVary,
        });
    }
    return state;
  }

  private cured(cure: CureName): Promise<Cured | string> {
    switch (cure) {
      case 'ranges':
        return this.ranges();
      case 'smoothQuant':
        return this.smoothed();
      case 'equalize':
        return this.equalized();
      case 'correctBias':
        return this.biasCorrected();
      case 'leaveInFloat':
        return this.leftInFloat();
      case 'weightOnly':
        return this.weightsAlone();
      case 'reconstruct':
        return this.reconstructed();
      case 'distill':
        return this.distilled();
    }
  }

  /** The whole range instead of that of the least squared error; and of variations, too, where inputs are few. */
  private async ranges(): Promise<Cured | string> {
    const { fused, exact, recipe } = this.current;
    const { weight, activation } = recipe.qconfig;
    const isWhole = activation() instanceof MinMaxObserver;
    const qconfig = isWhole ? recipe.qconfig : new QConfig({ activation: MinMaxObserver, weight });
    const varies = this.options.calibration.length < FEW_INPUTS && this.options.mayVary;
    const counts = [...(isWhole ? [] : [0]), ...(varies ? [VARIATIONS] : [])];
    let best: Cured | undefined;
    for (const variations of counts) {
      const state = await stateOf(this.options, fused, { ...recipe, qconfig, variations }, exact);
      const what = `whole ranges (MinMaxObserver)${variations > 0 ? `, also of ${variations} variations of the inputs` : ''}`;
      if (!best || mean(state.db) > mean(best.state.db)) best = { state, what };
    }
    return best ?? 'the recipe takes whole ranges already';
  }

  private async smoothed(): Promise<Cured> {
    const { fused, recipe } = this.current;
    const { calibration } = this.options;
    let best: Cured | undefined;
    for (const alpha of [0.5, 0.8]) {
      const copy = fused.clone();
      const own = recipe.rules && { rules: recipe.rules };
      const pairs = await smoothQuant(copy, calibration, { alpha, ...own });
      const state = await stateOf(this.options, copy, recipe);
      if (!best || mean(state.db) > mean(best.state.db))
        best = { state, what: `${pairs.length} pairs of layers, alpha ${alpha}` };
    }
    return best as Cured;
  }

  private async equalized(): Promise<Cured> {
    const { fused, recipe } = this.current;
    const copy = fused.clone();
    const own = recipe.rules && { rules: recipe.rules };
    const pairs = await equalize(copy, this.options.calibration[0], own);
    return { state: await stateOf(this.options, copy, recipe), what: `${pairs.length} pairs of layers` };
  }

  private async biasCorrected(): Promise<Cured> {
    const { fused, recipe } = this.current;
    const { calibration } = this.options;
    const own = recipe.rules && { rules: recipe.rules };
    const prepared = prepareFx(fused, mappingOf(recipe), own);
    await calibrate(prepared, calibration);
    await correctBias(prepared, calibration, own);
    const copy = fused.clone();
    let count = 0;
    for (const { path } of weightedLayers(this.current.simulation)) {
      const from = this.weightedAt(prepared, path);
      const to = this.weightedAt(copy, path);
      if (!from?.bias || !to) continue;
      if (to.bias) noGrad(() => to.bias?.copy_(from.bias as never));
      else to.bias = from.bias;
      count++;
    }
    return { state: await stateOf(this.options, copy, recipe, this.current.exact), what: `${count} layers` };
  }

  private weightedAt(model: AnyGraph, path: string): Conv2d | Linear | undefined {
    return this.rules.scaledBy(model.getSubmodule(path) as AnyModule) as Conv2d | Linear | undefined;
  }

  /** Layers whose rounding costs the outputs most, and stems: as few as do. */
  private async leftInFloat(): Promise<Cured | string> {
    const { fused, exact, recipe, simulation, db } = this.current;
    const costs = await this.costs(simulation);
    if (costs.length === 0) return 'no layers with weights in int8';
    const byCost = [...costs].sort((a, b) => b.gainDb - a.gainDb).map(({ path }) => path);
    const inOrder = costs.map(({ path }) => path);
    const limit = Math.min(8, Math.ceil(costs.length / 8));
    const weights = new Map(costs.map(({ path, weights: n }) => [path, n]));
    const all = costs.reduce((sum, { weights: n }) => sum + n, 0);
    const isLight = (paths: readonly string[]) =>
      paths.reduce((sum, path) => sum + (weights.get(path) ?? 0), 0) <= FLOAT_WEIGHTS * all;
    const light = byCost.filter((path) => isLight([path]));
    const sets = [1, 2, 4, 8]
      .filter((n) => n <= limit)
      .flatMap((n) => [light.slice(0, n), inOrder.slice(0, n)])
      .filter((paths) => paths.length > 0 && isLight(paths));
    let best: State | undefined;
    let value = 0;
    for (const [i, paths] of sets.entries()) {
      if (Date.now() > this.options.until) break;
      await this.options.breathe('leaveInFloat', i, sets.length);
      const inFloat = [...new Set([...recipe.inFloat, ...paths])];
      const state = await stateOf(this.options, fused, { ...recipe, inFloat }, exact);
      // Each layer must pay for the speed that it costs.
      const worth = mean(state.db) - mean(db) - FLOAT_LAYER_DB * paths.length;
      if (worth > value) [best, value] = [state, worth];
      if (best && (await this.options.isEnough(best))) break;
    }
    return best
      ? { state: best, what: best.recipe.inFloat.join(', ') }
      : `no few layers gain ${FLOAT_LAYER_DB} dB each`;
  }

  /** How much less noise the outputs had with each layer in float, alone. */
  private async costs(simulation: AnyGraph): Promise<Cost[]> {
    const few = this.options.choice.first(2);
    const before = mean(await few.compare(simulation));
    const layers = weightedLayers(simulation);
    const costs: Cost[] = [];
    for (const [i, { path, quantizers }] of layers.entries()) {
      if (Date.now() > this.options.until) break;
      await this.options.breathe('leaveInFloat', i, layers.length);
      for (const quantizer of quantizers) quantizer.enableFakeQuant(false);
      const { weight } = simulation.getSubmodule(path) as unknown as { weight: Tensor };
      costs.push({
        path,
        gainDb: mean(await few.compare(simulation)) - before,
        weights: weight.numel,
      });
      for (const quantizer of quantizers) quantizer.enableFakeQuant();
    }
    return costs;
  }

  /**
   * Int8 weights alone: recurrent layers first, which then don't quantize their inputs at every call; then runs of layers whose activations cost
   * most for what they multiply.
   */
  private async weightsAlone(): Promise<Cured | string> {
    const { fused, exact, recipe } = this.current;
    const paths = [...recipe.weightOnly];
    const recurrent = recurrentLayers(fused).filter((path) => !paths.includes(path));
    let best: State | undefined;
    const attempt = async (more: readonly string[], price = 0) => {
      const weightOnly = [...new Set([...paths, ...more])];
      const state = await stateOf(this.options, fused, { ...recipe, weightOnly }, exact);
      const better = mean(state.db) >= mean((best ?? this.current).db) + WORTHWHILE_DB + price;
      if (better) best = state;
      return better;
    };
    if (recurrent.length > 0 && (await attempt(recurrent))) paths.push(...recurrent);
    const isEnough = async () => best !== undefined && (await this.options.isEnough(best));
    const runs = (await isEnough()) ? [] : await this.runsOfLayers();
    // What makes noise a signal has no price.
    const isRuined = () => worst((best ?? this.current).db) < RUINED_DB;
    const chosen = new Map<string, number>();
    const share = () => [...chosen.values()].reduce((sum, n) => sum + n, 0);
    for (const [i, { layers }] of runs.entries()) {
      if (Date.now() > this.halfTime || (await isEnough())) break;
      await this.options.breathe('weightOnly', i, runs.length);
      const more = [...layers].filter(([path]) => !chosen.has(path));
      const macs = more.reduce((sum, [, n]) => sum + n, 0);
      if (more.length === 0 || (!isRuined() && share() + macs > FLOAT_MACS)) continue;
      const price = isRuined() ? 0 : FLOAT_MACS_DB * macs;
      const added = more.map(([path]) => path);
      if (!(await attempt(added, price))) continue;
      for (const [path, n] of more) chosen.set(path, n);
      paths.push(...added);
    }
    if (isRuined() && Date.now() <= this.options.until) {
      const all = layersWithWeights(this.current.simulation).filter((path) => !recipe.inFloat.includes(path));
      if (await attempt(all)) for (const path of all) chosen.set(path, 1 / all.length);
    }
    if (!best) return 'no layers gain enough for what they multiply';
    const { weightOnly } = best.recipe;
    const products = share() > 0 ? `, ${Math.round(100 * share())} % of the products` : '';
    return { state: best, what: `${weightOnly.join(', ')}${products}` };
  }

  /** Half of what is left: training has the rest. */
  private get halfTime(): number {
    const now = Date.now();
    this.half ??= now + (this.options.until - now) / 2;
    return this.half;
  }

  private half: number | undefined;

  /** Runs of layers, those first that gain most for their share of all products. */
  private async runsOfLayers(): Promise<Run[]> {
    const { simulation } = this.current;
    const few = this.options.choice.first(2);
    const before = mean(await few.compare(simulation));
    const layers = weightedLayers(simulation);
    const macs = productsOf(simulation, layers, few.inputs[0]);
    const all = Math.max(
      1,
      macs.reduce((sum, n) => sum + n, 0),
    );
    const { nodes } = simulation.graph;
    const at = layers.map(({ path }) => nodes.findIndex(({ target }) => target === path));
    // Two at least: between them is what isn't rounded.
    const length = Math.max(2, Math.ceil((2 * layers.length) / MOST_RUNS));
    const runs: Run[] = [];
    for (let from = 0; from + length / 2 < layers.length || from === 0; from += Math.floor(length / 2)) {
      if (Date.now() > this.halfTime) break;
      await this.options.breathe('weightOnly', from, layers.length);
      const to = Math.min(from + length, layers.length);
      // What the run reads is rounded if int8 layers made it, and so is what those behind it read.
      const inside = nodes.slice(from === 0 ? 0 : at[from], to === layers.length ? nodes.length : at[to - 1]);
      const quantizers = inside.flatMap(({ target }) =>
        typeof target === 'string' ? outputQuantizers(simulation.getSubmodule(target)) : [],
      );
      for (const quantizer of quantizers) quantizer.enableFakeQuant(false);
      const gainDb = mean(await few.compare(simulation)) - before;
      for (const quantizer of quantizers) quantizer.enableFakeQuant();
      const members = layers.slice(from, to).map(({ path }, i) => [path, macs[from + i] / all] as const);
      runs.push({ layers: new Map(members), gainDb });
    }
    const worth = ({ gainDb, layers: members }: Run) =>
      gainDb / ([...members.values()].reduce((sum, n) => sum + n, 0) + 1 / MOST_RUNS);
    return runs.filter(({ gainDb }) => gainDb > 0).sort((a, b) => worth(b) - worth(a));
  }

  private async reconstructed(): Promise<Cured> {
    const { fused, exact, recipe } = this.current;
    const { calibration, until, breathe } = this.options;
    const inputs = calibration.slice(0, MOST_EXAMPLES);
    // What blocks should give is what the float model's do: corrected biases would be learned twice.
    const simulation = await simulate(exact, recipe, calibration);
    const start = Date.now();
    const done = await reconstruct(simulation, inputs, {
      steps: Math.max(BLOCK_STEPS, 4 * inputs.length),
      // Training as a whole has the rest; and where inputs are few, what helps is done once more.
      until: start + (until - start) / (inputs.length < FEW_INPUTS ? 5 : 2),
      breathe: (i, n) => breathe('reconstruct', i, n),
    });
    const db = await dbOf(this.options, simulation, recipe);
    const steps = Math.max(BLOCK_STEPS, 4 * inputs.length);
    return {
      state: { fused, exact, recipe, simulation, db, trained: [{ cure: 'reconstruct', steps }] },
      what: `block by block on ${inputs.length} inputs${done ? '' : ', as far as the time went'}`,
    };
  }

  private async distilled(): Promise<Cured | string> {
    const { fused, exact, recipe } = this.current;
    const { float, calibration, until, breathe } = this.options;
    const simulation = this.current.simulation.clone();
    // Where inputs are few, what helps is done once more, with all of them.
    const now = Date.now();
    const end = calibration.length < FEW_INPUTS ? now + (3 / 8) * (until - now) : until;
    const judge = async (model: AnyGraph) => mean(await dbOf(this.options, model, recipe));
    const steps = await distill(simulation, float, calibration, judge, {
      steps: DISTILL_STEPS,
      until: end,
      vary: this.options.mayVary,
      breathe: (i, n) => breathe('distill', i, n),
    });
    if (steps === 0) return 'no step made it better';
    const db = await dbOf(this.options, simulation, recipe);
    const trained = [...(this.current.trained ?? []), { cure: 'distill', steps } as const];
    return {
      state: { fused, exact, recipe, simulation, db, trained },
      what: `${steps} steps on ${calibration.length} inputs towards the float model's outputs`,
    };
  }
}

/** What a layer costs: alone in float, the outputs had so much less noise. */
interface Cost {
  readonly path: string;
  readonly gainDb: number;
  readonly weights: number;
}

/** Layers that follow one another: with their activations in float, the outputs had so much less noise. */
interface Run {
  /** By path, the part of all products. */
  readonly layers: ReadonlyMap<string, number>;
  readonly gainDb: number;
}

const MOST_RUNS = 12;
/** The part of all products that may be of floats for the sake of activations; more, as long as an output is worse than `RUINED_DB`. */
const FLOAT_MACS = 0.5;
/** What all products in float would have to gain; a part of them that part. */
const FLOAT_MACS_DB = 8;
const RUINED_DB = 20;
/** The part of all weights that may stay in float. */
const FLOAT_WEIGHTS = 0.06;
/** What a layer in float must gain. */
const FLOAT_LAYER_DB = 0.3;
/** Less inputs than this are varied for the calibration, so many times. */
const FEW_INPUTS = 12;
const VARIATIONS = 8;
const MOST_EXAMPLES = 32;
const BLOCK_STEPS = 100;
const DISTILL_STEPS = 2000;

/** Products of each layer for an input. */
function productsOf(
  model: AnyGraph,
  layers: readonly { readonly path: string }[],
  input: ModelInput,
): number[] {
  const products = layers.map(() => 0);
  const hooks = layers.map(({ path }, i) => {
    const layer = model.getSubmodule(path) as AnyModule & { readonly weight: Tensor };
    const { weight } = layer;
    return layer.registerForwardHook((_, __, y) => {
      const each = weight.numel / weight.shape[0];
      products[i] += each * (y as Tensor).numel;
    });
  });
  try {
    outputsOf(model, input);
  } finally {
    for (const hook of hooks) hook.remove();
  }
  return products;
}

async function stateOf(
  options: SearchOptions,
  fused: AnyGraph,
  recipe: Recipe,
  exact = fused,
): Promise<State> {
  const simulation = await simulate(fused, recipe, options.calibration);
  return { fused, exact, recipe, simulation, db: await dbOf(options, simulation, recipe) };
}

/** Recurrent layers that quantize their inputs at every call don't do that in a simulation. */
async function dbOf({ choice }: SearchOptions, simulation: AnyGraph, recipe: Recipe): Promise<OutputDb> {
  const isWhole = recurrentLayers(simulation).length === 0;
  return choice.compare(isWhole ? simulation : await int8Of({ simulation, recipe }));
}
