import { OctetError } from '@octet/backend';
import type { AnyModule, Conv2d, Linear } from '@octet/nn';
import {
  flushObservers,
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
import { mean, type OutputDb, outputsOf, Reference } from './noise';
import { type AnyGraph, mappingOf, type Recipe, simulate, weightedLayers } from './simulation';
import { distill, reconstruct } from './train';

/** What may bring back what int8 costs, in the order of its price. */
export const cureNames = [
  'ranges',
  'smoothQuant',
  'equalize',
  'correctBias',
  'leaveInFloat',
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
}

export interface SearchOptions {
  readonly float: AnyGraph;
  readonly calibration: readonly ModelInput[];
  readonly choice: Reference;
  /** When to stop, by `Date.now()`. */
  readonly until: number;
  /** Whether what was found is good enough. */
  readonly isEnough: (state: State) => boolean | Promise<boolean>;
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
      this.trials.push({ cure, gainDb: null, kept: false, what: found, seconds });
      return;
    }
    const gainDb = mean(found.state.db) - before;
    const kept = gainDb >= WORTHWHILE_DB;
    if (kept) this.current = found.state;
    this.trials.push({ cure, gainDb, kept, what: found.what, seconds });
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
      case 'reconstruct':
        return this.reconstructed();
      case 'distill':
        return this.distilled();
    }
  }

  /** The whole range instead of that of the least squared error. */
  private async ranges(): Promise<Cured | string> {
    const { fused, exact, recipe } = this.current;
    const { weight, activation } = recipe.qconfig;
    if (activation() instanceof MinMaxObserver) return 'the recipe takes whole ranges already';
    const qconfig = new QConfig({ activation: MinMaxObserver, weight });
    const state = await stateOf(this.options, fused, { ...recipe, qconfig }, exact);
    return { state, what: 'whole ranges (MinMaxObserver)' };
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
    for (const input of calibration) {
      outputsOf(prepared, input);
      await flushObservers(prepared);
    }
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
    const few = await Reference.of(this.options.float, this.options.choice.inputs.slice(0, 2));
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

  private async reconstructed(): Promise<Cured> {
    const { fused, exact, recipe } = this.current;
    const { calibration, until, breathe } = this.options;
    const inputs = calibration.slice(0, MOST_EXAMPLES);
    // What blocks should give is what the float model's do: corrected biases would be learned twice.
    const simulation = await simulate(exact, recipe, calibration);
    const start = Date.now();
    const done = await reconstruct(simulation, inputs, {
      steps: Math.max(BLOCK_STEPS, 4 * inputs.length),
      // Half of what is left: training as a whole has the rest.
      until: start + (until - start) / 2,
      breathe: (i, n) => breathe('reconstruct', i, n),
    });
    const db = await this.options.choice.compare(simulation);
    return {
      state: { fused, exact, recipe, simulation, db },
      what: `block by block on ${inputs.length} inputs${done ? '' : ', as far as the time went'}`,
    };
  }

  private async distilled(): Promise<Cured | string> {
    const { fused, exact, recipe } = this.current;
    const { float, calibration, choice, until, breathe } = this.options;
    const simulation = this.current.simulation.clone();
    const judge = async (model: AnyGraph) => mean(await choice.compare(model));
    const steps = await distill(simulation, float, calibration, judge, {
      steps: DISTILL_STEPS,
      until,
      breathe: (i, n) => breathe('distill', i, n),
    });
    if (steps === 0) return 'no step made it better';
    const db = await choice.compare(simulation);
    return {
      state: { fused, exact, recipe, simulation, db },
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

/** The part of all weights that may stay in float. */
const FLOAT_WEIGHTS = 0.06;
/** What a layer in float must gain. */
const FLOAT_LAYER_DB = 0.3;
const MOST_EXAMPLES = 32;
const BLOCK_STEPS = 100;
const DISTILL_STEPS = 2000;

async function stateOf(
  options: SearchOptions,
  fused: AnyGraph,
  recipe: Recipe,
  exact = fused,
): Promise<State> {
  const simulation = await simulate(fused, recipe, options.calibration);
  return { fused, exact, recipe, simulation, db: await options.choice.compare(simulation) };
}
