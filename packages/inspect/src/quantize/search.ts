import { OctetError } from '@octet/backend';
import { MinMaxObserver, QConfig } from '@octet/quantization';
import type { ModelInput } from '../inputs';
import { canBeDynamic } from './dynamic-layers';
import {
  type FloatPart,
  floatParts,
  type MeasuredRounding,
  measureRoundings,
  roundingsOf,
} from './float-parts';
import { bitsIn, int4Of, type MemoryBound, memoryBound } from './grouped-layers';
import { type Comparison, isGain, type Reference, relativeNoise, WORTHWHILE_DB, worthOf } from './noise';
import { Price } from './price';
import { Refiner } from './refine';
import {
  type AnyGraph,
  int8Of,
  layersWithWeights,
  quantizersOf,
  type Recipe,
  recurrentLayers,
  simulate,
  weightedLayers,
} from './simulation';
import { distill, reconstruct } from './train';

/** What may bring back what int8 costs, in the order of its price; and at last what takes the room that a target leaves. */
export const cureNames = [
  'ranges',
  'gptq',
  'smoothQuant',
  'equalize',
  'correctBias',
  'leaveInFloat',
  'dynamic',
  'weightOnly',
  'reconstruct',
  'distill',
  'int4',
] as const;
export type CureName = (typeof cureNames)[number];

/** Those that take no time, no bytes and no training: they are tried without a target, too. */
export const freeCures: readonly CureName[] = ['ranges', 'equalize'];

/**
 * Where the search stands, and how good that is: on the inputs of the choice, and of the calibration where there is time for them, which say
 * nothing about what was trained on them.
 */
export interface State extends Comparison {
  readonly recipe: Recipe;
  /** The float graph with fused layers, its weights as the recipe wants them. */
  readonly fused: AnyGraph;
  /** Simulates int8; `convertFx` makes the int8 graph of it. */
  readonly simulation: AnyGraph;
  /** The int8 graph. */
  int8(): Promise<AnyGraph>;
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
  /**
   * In dB, on the inputs of the choice: the mean over the outputs of the signal to noise over all inputs, and of that of each input. Null where it
   * couldn't be applied.
   */
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
  /** Inputs that cures see nothing of. */
  readonly choice: Reference;
  /** These, and more, which only ranges were made of: all cures without training are chosen by them. */
  readonly all: Reference;
  /** Whether inputs may be varied: not where they are states. */
  readonly mayVary: boolean;
  /** When to stop, by `Date.now()`. */
  readonly until: number;
  /** Whether nothing is measured layer by layer, which takes its time. */
  readonly quick: boolean;
  /** More dB than this are worth nothing. */
  readonly enough: number;
  /** Whether what was found is good enough; by so many dB more than it must be, if that is in dB. */
  readonly isEnough: (state: State, more?: number) => boolean | Promise<boolean>;
  /** Whether `isEnough` asks for something. */
  readonly hasTarget: boolean;
  /** Of the float model's file: bytes of the file. */
  readonly bytes: (state: State) => Promise<number>;
  /** For the report. */
  readonly measure: (state: State) => Promise<Point>;
  /** Waited for; it throws to end. */
  readonly breathe: (what: string, done: number, total: number) => unknown;
}

interface Cured {
  readonly state: State;
  readonly what: string;
}

/** Tries cures one after another, and keeps those that help. */
export class Search {
  readonly trials: CureTrial[] = [];
  private current!: State;
  private price!: Price;
  /** Of roundings, by path, for all recipes that have the same weights and ranges. */
  private readonly noise = new Map<string, Map<string, number>>();
  private readonly refiner: Refiner;
  /** What may get 4-bit weights. */
  private bound: readonly MemoryBound[] = [];

  private constructor(
    private readonly options: SearchOptions,
    private readonly fused: AnyGraph,
    private readonly start: Recipe,
  ) {
    this.refiner = new Refiner(fused, options.calibration, options.breathe, options.until);
  }

  /** @param fused the float graph with fused layers */
  static async begin(options: SearchOptions, fused: AnyGraph, recipe: Recipe): Promise<Search> {
    const search = new Search(options, fused, recipe);
    search.current = await search.stateBy(recipe);
    return search;
  }

  get state(): State {
    return this.current;
  }

  async run(cures: readonly CureName[]): Promise<void> {
    await this.mend(cures.filter((cure) => cure !== 'int4'));
    if (cures.includes('int4')) await this.save();
  }

  /** Gives layers that memory bounds 4-bit weights, where the model has such layers and is good enough. */
  private async save(): Promise<void> {
    const { inFloat, named } = this.current.recipe;
    this.bound = memoryBound(this.fused, this.options.choice.inputs[0]).filter(
      ({ path }) => !inFloat.includes(path) && named.get(path) !== null,
    );
    if (this.bound.length === 0 || Date.now() > this.options.until) return;
    if (!(await this.leavesRoom(this.current, 0))) return;
    await this.options.breathe('int4', 0, 1);
    await this.attempt('int4');
  }

  /** Without a target there is nothing to keep. */
  private async leavesRoom(state: State, more: number): Promise<boolean> {
    return !this.options.hasTarget || this.options.isEnough(state, more);
  }

  private async mend(cures: readonly CureName[]): Promise<void> {
    const { until, choice, isEnough } = this.options;
    if (Date.now() > until || (await isEnough(this.current))) return;
    this.price = new Price(this.fused, choice.inputs[0]);
    let [kept, reconsidered] = [0, false];
    for (const [i, cure] of cures.entries()) {
      // What helped at first may stand in the way of what came later.
      if (isTrained(cure) && !reconsidered && kept > 1) {
        reconsidered = true;
        await this.reconsider();
      }
      if (Date.now() > until || (await isEnough(this.current))) return;
      await this.options.breathe(cure, i, cures.length);
      if (await this.attempt(cure)) kept++;
    }
  }

  /** Takes cures back without which the model is no worse now. */
  private async reconsider(): Promise<void> {
    for (const { cure, kept } of [...this.trials]) {
      const without = kept && this.without(cure);
      if (!without || Date.now() > this.options.until) continue;
      const start = Date.now();
      const state = await this.stateBy(without);
      const gainDb = state.score - this.current.score;
      if (this.net(state) < this.net(this.current)) continue;
      this.current = state;
      const seconds = (Date.now() - start) / 1000;
      const point = await this.options.measure(state);
      this.trials.push({ cure, gainDb, kept: true, what: 'taken back', seconds, point });
    }
  }

  private without(cure: CureName): Recipe | undefined {
    const { recipe } = this.current;
    switch (cure) {
      case 'ranges':
        return { ...recipe, qconfig: this.start.qconfig, variations: this.start.variations };
      case 'gptq':
        return { ...recipe, rounded: false };
      case 'smoothQuant':
        return { ...recipe, smooth: undefined };
      case 'equalize':
        return { ...recipe, equalized: false };
      case 'correctBias':
        return { ...recipe, corrected: false };
      default:
        return undefined;
    }
  }

  /** Whether it is kept. */
  private async attempt(cure: CureName): Promise<boolean> {
    const start = Date.now();
    // What was trained on the calibration says nothing there.
    const { current } = this;
    const before = isTrained(cure) ? await judge(this.options.choice, current) : current;
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
      return false;
    }
    const gainDb = found.state.score - before.score;
    const kept =
      cure === 'int4' ||
      (cure === 'gptq'
        ? await this.roundsBetter(found.state)
        : isGain(before, found.state) && (await this.holds(cure, found.state)));
    if (kept) this.current = found.state;
    const point = await this.options.measure(found.state);
    // What is for size alone says what became of the time.
    const was = cure === 'int4' ? await this.options.measure(current) : undefined;
    const what = was ? `${found.what}; ${(point.ms / was.ms).toFixed(2)} times the time` : found.what;
    this.trials.push({ cure, gainDb, kept, what, seconds, point });
    return kept;
  }

  /** Whether weights alone are rounded better: what their noise is may not show yet beside that of activations. */
  private async roundsBetter(state: State): Promise<boolean> {
    if (state.score < this.current.score - WEIGHTS_DB) return false;
    const of = ({ simulation }: State) => {
      const copy = simulation.clone();
      for (const { quantizer, weightOf } of roundingsOf(copy))
        if (weightOf === undefined) quantizer.enableFakeQuant(false);
      return this.options.all.judge(copy);
    };
    return isGain(await of(this.current), await of(state));
  }

  /** Whether what was fitted to the calibration is a gain on inputs that it saw nothing of, too. */
  private async holds(cure: CureName, state: State): Promise<boolean> {
    if (!FITTED.includes(cure)) return true;
    const { choice } = this.options;
    const [before, after] = [await judge(choice, this.current), await judge(choice, state)];
    return isGain(before, after) && after.score - before.score >= EVIDENCE_DB / choice.count;
  }

  /** What was found once more, of these inputs: ranges, and training for as many steps. It isn't judged. */
  async refitted(inputs: readonly ModelInput[]): Promise<Pick<State, 'simulation' | 'recipe'>> {
    const { recipe, trained = [] } = this.current;
    const { float, breathe } = this.options;
    const refiner = new Refiner(this.fused, inputs, breathe);
    const reconstructs = trained.some(({ cure }) => cure === 'reconstruct');
    const fused = await (reconstructs ? refiner.rounded(recipe) : refiner.of(recipe));
    const simulation = await simulate(fused, recipe, inputs);
    for (const { cure, steps } of trained) {
      const settings = {
        steps,
        until: Number.POSITIVE_INFINITY,
        breathe: (i: number, n: number) => breathe('refit', i, n),
      };
      if (cure === 'reconstruct') {
        const exact = await simulate(await refiner.exact(recipe), recipe, inputs);
        await reconstruct(simulation, exact, inputs, settings);
      } else await distill(simulation, float, inputs, undefined, { ...settings, vary: this.options.mayVary });
    }
    return { simulation, recipe };
  }

  private cured(cure: CureName): Promise<Cured | string> {
    switch (cure) {
      case 'ranges':
        return this.ranges();
      case 'gptq':
        return this.rounded();
      case 'smoothQuant':
        return this.smoothed();
      case 'equalize':
        return this.equalized();
      case 'correctBias':
        return this.biasCorrected();
      case 'leaveInFloat':
        return this.leftInFloat();
      case 'dynamic':
        return this.madeDynamic();
      case 'weightOnly':
        return this.weightsAlone();
      case 'reconstruct':
        return this.reconstructed();
      case 'distill':
        return this.distilled();
      case 'int4':
        return this.int4();
    }
  }

  /** The whole range instead of that of the least squared error; and of variations, too, where inputs are few. */
  private async ranges(): Promise<Cured | string> {
    const { recipe } = this.current;
    const { weight, activation } = recipe.qconfig;
    const isWhole = activation() instanceof MinMaxObserver;
    const qconfig = isWhole ? recipe.qconfig : new QConfig({ activation: MinMaxObserver, weight });
    const varies = this.options.calibration.length < FEW_INPUTS && this.options.mayVary;
    const counts = [...(isWhole ? [] : [0]), ...(varies ? [VARIATIONS] : [])];
    let best: Cured | undefined;
    for (const variations of counts) {
      const state = await this.stateBy({ ...recipe, qconfig, variations });
      const what = `whole ranges (MinMaxObserver)${variations > 0 ? `, also of ${variations} variations of the inputs` : ''}`;
      if (!best || state.score > best.state.score) best = { state, what };
    }
    return best ?? 'the recipe takes whole ranges already';
  }

  private async rounded(): Promise<Cured> {
    const state = await this.stateBy({ ...this.current.recipe, rounded: true });
    return { state, what: `${weightedLayers(state.simulation).length} layers` };
  }

  private async smoothed(): Promise<Cured> {
    let best: Cured | undefined;
    for (const alpha of [0.5, 0.8]) {
      const state = await this.stateBy({ ...this.current.recipe, smooth: alpha });
      if (!best || state.score > best.state.score) best = { state, what: `alpha ${alpha}` };
    }
    return best as Cured;
  }

  private async equalized(): Promise<Cured> {
    return {
      state: await this.stateBy({ ...this.current.recipe, equalized: true }),
      what: 'layers that follow one another',
    };
  }

  private async biasCorrected(): Promise<Cured> {
    const state = await this.stateBy({ ...this.current.recipe, corrected: true });
    return { state, what: `${weightedLayers(state.simulation).length} layers` };
  }

  async stateBy(recipe: Recipe): Promise<State> {
    const fused = await this.refiner.of(recipe);
    const simulation = await simulate(fused, recipe, this.options.calibration);
    return judged(this.options.all, { recipe, fused, simulation });
  }

  /** Layers whose rounding costs the outputs most, and stems: as few as do. */
  private async leftInFloat(): Promise<Cured | string> {
    const { fused, recipe, simulation } = this.current;
    const inOrder = weightedLayers(simulation);
    if (inOrder.length === 0) return 'no layers with weights in int8';
    const limit = Math.min(8, Math.ceil(inOrder.length / 8));
    const weights = weightsOf(fused);
    const room = roomFor(await this.options.bytes(this.current));
    const parts = floatParts(await this.roundings('leaveInFloat'), {
      price: () => 1,
      weights: weights.of,
      most: room,
      mayKeepWeights: false,
    });
    const isLight = (paths: readonly string[]) => weights.sum(paths) <= room;
    const sets = [1, 2, 4, 8]
      .filter((n) => n <= limit)
      .flatMap((n) => [
        [...(parts.filter(({ price }) => price <= n).pop()?.inFloat ?? [])],
        inOrder.slice(0, n),
      ])
      .filter((paths) => paths.length > 0 && isLight(paths));
    const different = [...new Map(sets.map((paths) => [[...paths].sort().join(), paths])).values()];
    const choice = new Choice(this, this.current);
    for (const [i, paths] of different.entries()) {
      if (Date.now() > this.options.until || (await choice.isEnough())) break;
      await this.options.breathe('leaveInFloat', i, different.length);
      const inFloat = [...new Set([...recipe.inFloat, ...paths])];
      await choice.consider({ ...recipe, inFloat });
    }
    return choice.found(({ inFloat }) => inFloat);
  }

  /** Of roundings, by path, as far as it was measured with the current weights and ranges. */
  private knownNoise(): Map<string, number> {
    const { smooth, equalized, rounded, corrected, variations, qconfig } = this.current.recipe;
    const key = [smooth, equalized, rounded, corrected, variations, qconfig === this.start.qconfig].join();
    const known = this.noise.get(key) ?? new Map<string, number>();
    this.noise.set(key, known);
    return known;
  }

  /** The noise of each rounding alone, of the current simulation or of another one with the same weights and ranges. */
  private async roundings(
    what: CureName,
    simulation = this.current.simulation,
  ): Promise<readonly MeasuredRounding[]> {
    const { choice, until, breathe } = this.options;
    const known = this.knownNoise();
    const start = Date.now();
    await choice.first(1).of(simulation);
    const each = (Date.now() - start) * roundingsOf(simulation).length;
    const affordable = Math.floor((MEASURED_TIME * (until - start)) / Math.max(1, each));
    const few = choice.first(Math.max(1, Math.min(FEW_MEASURED, affordable)));
    return measureRoundings(simulation, few, (i, n) => breathe(what, i, n), known);
  }

  /** Layers that quantize their inputs at every call and give floats: the costliest of what their outputs round, as many as pay for their time. */
  private async madeDynamic(): Promise<Cured | string> {
    const { fused, recipe, simulation } = this.current;
    const able = weightedLayers(simulation).filter((path) => canBeDynamic(fused.getSubmodule(path)));
    if (able.length === 0) return 'no layers with a form that quantizes its input at every call';
    const noise = new Map<string, number>();
    for (const { weightOf, layers, noise: n } of await this.roundings('dynamic'))
      if (weightOf === undefined) for (const path of layers) noise.set(path, (noise.get(path) ?? 0) + n);
    const inOrder = able.sort((a, b) => (noise.get(b) ?? 0) - (noise.get(a) ?? 0));
    const choice = new Choice(this, this.current);
    const quarter = Date.now() + (this.options.until - Date.now()) / 4;
    for (let n = 1, i = 0; n < 2 * inOrder.length; n *= 2, i++) {
      if (Date.now() > quarter || (await choice.isEnough())) break;
      await this.options.breathe('dynamic', i, Math.ceil(Math.log2(inOrder.length)) + 1);
      // Ranges of few inputs may leave out much of others: layers that need none may cost a little.
      const least = this.options.calibration.length < FEW_INPUTS ? -UNSEEN_WORTH : WORTHWHILE_DB;
      await choice.consider({ ...recipe, dynamic: [...recipe.dynamic, ...inOrder.slice(0, n)] }, least);
    }
    return choice.found(({ dynamic }) => dynamic);
  }

  /**
   * Int8 weights alone: recurrent layers first, which then don't quantize their inputs at every call; then parts of the model whose activations
   * cost most for what they multiply, in which light weights are floats, too.
   */
  private async weightsAlone(): Promise<Cured | string> {
    const { simulation, fused, recipe } = this.current;
    const choice = new Choice(this, this.current);
    const also = (paths: Iterable<string>) => [...new Set([...choice.best.recipe.weightOnly, ...paths])];
    const recurrent = recurrentLayers(simulation);
    // What rounding leaves in states stays there: all activations in floats, if that is worth its time.
    if (!this.options.mayVary)
      await choice.consider({ ...recipe, dynamic: [], weightOnly: also(layersWithWeights(fused)) });
    if (!recurrent.every((path) => choice.best.recipe.weightOnly.includes(path)))
      await choice.consider({ ...choice.best.recipe, weightOnly: also(recurrent) });
    // Their inputs are rounded at every call; in float they aren't.
    const { dynamic } = recipe;
    if (dynamic.length > 0)
      await choice.consider({ ...choice.best.recipe, dynamic: [], weightOnly: also(dynamic) });
    if (this.options.quick) return choice.found(({ weightOnly }) => weightOnly);
    const room = roomFor(await this.options.bytes(this.current));
    const partsOf = async (made: AnyGraph) =>
      floatParts(await this.roundings('weightOnly', made), {
        price: (path) => this.price.inFloat(path),
        weights: weightsOf(fused).of,
        most: room,
        mayKeepWeights: true,
      });
    const parts = await partsOf(simulation);
    const before = choice.best.recipe;
    const tries = [{ before, parts, most: 1 }];
    if (before.dynamic.length > 0)
      tries.push({ before: { ...before, dynamic: [], weightOnly: also(before.dynamic) }, parts, most: 1 });
    if (dynamic.length > 0) {
      // What the inputs of dynamic layers cost shows where they have ranges. A part that is to take their place is a small one.
      const still = { ...recipe, dynamic: [] };
      const ofAll = await partsOf((await this.stateBy(still)).simulation);
      const small = { parts: ofAll, most: SMALL_PART };
      tries.unshift({ before: still, ...small }, { before: recipe, ...small });
    }
    // Training has the rest of the time.
    const halfTime = (Date.now() + this.options.until) / 2;
    for (const { before, parts, most } of tries) {
      let last: FloatPart | undefined;
      for (const [i, limit] of FLOAT_PARTS.entries()) {
        if (Date.now() > halfTime || (await choice.isEnough())) break;
        await this.options.breathe('weightOnly', i, FLOAT_PARTS.length);
        const part = parts.filter(({ price }) => price <= Math.min(limit, most)).pop();
        if (!part || part === last) continue;
        last = part;
        await choice.consider({
          ...before,
          dynamic: before.dynamic.filter((path) => !part.inFloat.has(path) && !part.weightOnly.has(path)),
          inFloat: [...new Set([...before.inFloat, ...part.inFloat])],
          weightOnly: [...new Set([...before.weightOnly, ...part.weightOnly])].filter(
            (path) => !part.inFloat.has(path),
          ),
        });
      }
    }
    const filled = await this.filled(choice.best);
    if (filled) await choice.consider(filled);
    return choice.found(({ inFloat, weightOnly }) => {
      const light = inFloat.filter((path) => !recipe.inFloat.includes(path));
      return [...weightOnly, ...(light.length > 0 ? ['in float:', ...light] : [])];
    });
  }

  /** The weights that cost most of layers that compute in floats are floats, too, as far as the file has room: that takes no time. */
  private async filled(state: State): Promise<Recipe | undefined> {
    const { recipe } = state;
    const noise = this.knownNoise();
    const weights = weightsOf(this.fused).of;
    let room = roomFor(await this.options.bytes(state));
    const worth = (path: string) => (noise.get(`${path}.weight`) ?? 0) / weights(path);
    const light: string[] = [];
    for (const path of recipe.weightOnly.filter(worth).sort((a, b) => worth(b) - worth(a))) {
      if (weights(path) > room) continue;
      room -= weights(path);
      light.push(path);
    }
    if (light.length === 0) return undefined;
    const weightOnly = recipe.weightOnly.filter((path) => !light.includes(path));
    return { ...recipe, weightOnly, inFloat: [...recipe.inFloat, ...light] };
  }

  /** What a state is worth, less what its time costs. */
  net(state: State): number {
    return worthOf(state, this.options.enough) - this.price.of(state.recipe);
  }

  get enough(): number {
    return this.options.enough;
  }

  isEnough(state: State): boolean | Promise<boolean> {
    return this.options.isEnough(state);
  }

  /** Whether a state reaches the target, or what anybody would notice of it. */
  satisfies(state: State): boolean | Promise<boolean> {
    return this.options.isEnough(state, Math.min(0, NOTICED_DB - this.enough));
  }

  /** The part of the time that int8 gains which a state takes back. */
  taken({ recipe }: State): number {
    return this.price.part(recipe);
  }

  private async reconstructed(): Promise<Cured> {
    const { recipe } = this.current;
    const { calibration, until, breathe } = this.options;
    const inputs = calibration.slice(0, MOST_EXAMPLES);
    // Corrected biases would be learned twice.
    const fused = await this.refiner.rounded(recipe);
    const simulation = await simulate(fused, recipe, calibration);
    const exact = await simulate(await this.refiner.exact(recipe), recipe, calibration);
    const steps = Math.max(BLOCK_STEPS, 4 * inputs.length);
    const start = Date.now();
    const done = await reconstruct(simulation, exact, inputs, {
      steps,
      // Training as a whole has the rest; and where inputs are few, what helps is done once more.
      until: start + (until - start) / (inputs.length < FEW_INPUTS ? 5 : 2),
      breathe: (i, n) => breathe('reconstruct', i, n),
    });
    const trained = [{ cure: 'reconstruct', steps }] as const;
    return {
      state: await judged(this.options.choice, { fused, recipe, simulation, trained }),
      what: `block by block on ${inputs.length} inputs${done ? '' : ', as far as the time went'}`,
    };
  }

  private async distilled(): Promise<Cured | string> {
    const { fused, recipe } = this.current;
    const { float, calibration, until, breathe } = this.options;
    const simulation = this.current.simulation.clone();
    // Where inputs are few, what helps is done once more, with all of them.
    const now = Date.now();
    const end = calibration.length < FEW_INPUTS ? now + (3 / 8) * (until - now) : until;
    const score = async (model: AnyGraph) =>
      (await judge(this.options.choice, { simulation: model, recipe })).score;
    const steps = await distill(simulation, float, calibration, score, {
      steps: DISTILL_STEPS,
      until: end,
      vary: this.options.mayVary,
      breathe: (i, n) => breathe('distill', i, n),
    });
    if (steps === 0) return 'no step made it better';
    const trained = [...(this.current.trained ?? []), { cure: 'distill', steps } as const];
    return {
      state: await judged(this.options.choice, { fused, recipe, simulation, trained }),
      what: `${steps} steps on ${calibration.length} inputs towards the float model's outputs`,
    };
  }

  /** 4-bit weights for as many of the layers that memory bounds as the target holds with; in larger groups, if it does with them too. */
  private async int4(): Promise<Cured | string> {
    const { current, bound, options } = this;
    if (current.trained) return 'its layers were trained with int8 weights';
    const inOrder = await this.byNoise(bound);
    const fits = async (count: number, groupSize: number, isRounded: boolean): Promise<State | undefined> => {
      await options.breathe('int4', 0, 1);
      const recipe = withInt4(current.recipe, inOrder.slice(0, count), groupSize, isRounded);
      try {
        const state = await this.stateBy(recipe);
        return (await this.leavesRoom(state, ROOM_DB)) ? state : undefined;
      } catch (error) {
        // Rounding by gptq may take too long.
        if (!isRounded || !(error instanceof OctetError)) throw error;
        return undefined;
      }
    };
    const [smallest, ...larger] = GROUP_SIZES;
    // What rounds better may make room for more; it takes longer.
    const roundings = bound.some(({ isTable }) => !isTable) ? [false, true] : [false];
    let [best, count]: [State | undefined, number] = [undefined, 0];
    for (const isRounded of roundings) {
      let most = inOrder.length;
      for (let n = most; count < most && Date.now() < options.until; n = Math.ceil((count + most) / 2)) {
        const found = await fits(n, smallest, isRounded);
        if (found) [best, count] = [found, n];
        else most = n - 1;
      }
    }
    if (!best) return 'no room: the target needs all bits of the layers that memory bounds';
    // Without a target nothing says how much larger ones may cost.
    for (const size of options.hasTarget ? larger : []) {
      let found: State | undefined;
      for (const isRounded of roundings)
        if (!found && Date.now() < options.until) found = await fits(count, size, isRounded);
      if (!found) break;
      best = found;
    }
    const part = async (of: State) => (await options.bytes(of)).toFixed(2);
    const { int4, int4Rounded } = best.recipe;
    const [groupSize] = int4.values();
    const how = `in groups of ${groupSize}${int4Rounded ? ', rounded by gptq' : ''}`;
    const what = `${[...int4.keys()].join(', ')}, ${how}: ${await part(best)} of float's file, ${await part(current)} without`;
    return { state: best, what };
  }

  /** Those that make least noise for the bits that they save come first. */
  private async byNoise(bound: readonly MemoryBound[]): Promise<string[]> {
    if (bound.length < 2) return bound.map(({ path }) => path);
    const { choice, breathe } = this.options;
    const exact = await this.refiner.exact(this.current.recipe);
    const copy = this.current.simulation.clone();
    for (const quantizer of quantizersOf(copy)) quantizer.enableFakeQuant(false);
    const few = await choice.first(Math.min(FEW_MEASURED, choice.count)).of(copy);
    const worth = new Map<string, number>();
    for (const [i, { path, weights, bits }] of bound.entries()) {
      await breathe('int4', i, bound.length);
      const before = copy.getSubmodule(path);
      copy.setSubmodule(path, await int4Of(exact.getSubmodule(path), path, GROUP_SIZES[0]));
      const noise = relativeNoise(await few.compare(copy));
      worth.set(path, noise / (weights * (bits - bitsIn(GROUP_SIZES[0]))));
      copy.setSubmodule(path, before);
    }
    return [...worth].sort(([, a], [, b]) => a - b).map(([path]) => path);
  }
}

function isTrained(cure: CureName): boolean {
  return cure === 'reconstruct' || cure === 'distill';
}

/** The best of some states, and of the one before. */
class Choice {
  best: State;
  /** Whether the best one is as good as was asked for. */
  private satisfies: boolean | undefined;

  constructor(
    private readonly search: Search,
    private readonly before: State,
  ) {
    this.best = before;
  }

  /** What reaches the target is taken at any price, and given up for nothing less; of targets beyond what anybody would notice, what reaches that. */
  async consider(recipe: Recipe, least = WORTHWHILE_DB): Promise<void> {
    const { search } = this;
    this.satisfies = this.satisfies ?? (search.enough > NOTICED_DB && (await search.satisfies(this.before)));
    const state = await search.stateBy(recipe);
    const satisfies = await search.satisfies(state);
    if (this.satisfies && !satisfies) return;
    const worth = search.net(state) - search.net(this.best);
    if (worth < least && satisfies === this.satisfies) return;
    this.best = state;
    this.satisfies = satisfies;
  }

  async isEnough(): Promise<boolean> {
    return this.best !== this.before && (await this.search.isEnough(this.best));
  }

  found(layersOf: (recipe: Recipe) => readonly string[]): Cured | string {
    const { best, before, search } = this;
    if (best === before) return 'no layers gain enough for the time that they take';
    const taken = Math.round(100 * (search.taken(best) - search.taken(before)));
    const names = layersOf(best.recipe).join(', ').replace(':,', ':');
    return { state: best, what: `${names}${taken > 0 ? `; ${taken} % of the time that int8 gains` : ''}` };
  }
}

/** The recipe with 4-bit weights in some layers. */
function withInt4(recipe: Recipe, paths: readonly string[], groupSize: number, int4Rounded: boolean): Recipe {
  const others = (list: readonly string[]) => list.filter((path) => !paths.includes(path));
  return {
    ...recipe,
    weightOnly: others(recipe.weightOnly),
    dynamic: others(recipe.dynamic),
    int4: new Map(paths.map((path) => [path, groupSize])),
    int4Rounded,
  };
}

/** Columns of a weight of 4-bit integers that share a scale, the smallest first. */
const GROUP_SIZES: readonly [number, ...number[]] = [32, 64, 128];
/** What 4-bit weights leave of the room that a target does: other inputs have a little less. */
const ROOM_DB = 0.5;

/** More is for measuring. */
const NOTICED_DB = 55;

/** Cures that take more of the calibration than ranges. */
const FITTED: readonly CureName[] = ['smoothQuant', 'correctBias'];
/** What a fitted cure must gain on the inputs of the choice if that is one; of more, that part of it. */
const EVIDENCE_DB = 2;
/** What better weights may cost for now, in dB: chance, where activations make more noise. */
const WEIGHTS_DB = 1;
/** Inputs that the noise of each rounding is measured on, and the part of the time that is left which more than one may take. */
const FEW_MEASURED = 2;
const MEASURED_TIME = 0.1;
/** Parts of the time that int8 gains which are tried in floats for the sake of activations. */
const FLOAT_PARTS = [0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1];
const SMALL_PART = 0.35;
/** The part of all weights that may stay in float, if the model stays smaller than `MOST_BYTES` of the float model; `LEAST_FLOAT_WEIGHTS` may always. */
const FLOAT_WEIGHTS = 0.06;
const LEAST_FLOAT_WEIGHTS = 0.005;
const MOST_BYTES = 0.32;
/** Less inputs than this are varied for the calibration, so many times. */
const FEW_INPUTS = 12;
const VARIATIONS = 8;
/** What it is worth, in the units of `worthOf`, that more layers need no ranges where inputs are few. */
const UNSEEN_WORTH = 1;
const MOST_EXAMPLES = 32;
const BLOCK_STEPS = 100;
const DISTILL_STEPS = 2000;

/** The part of all weights that may yet be floats: each costs three bytes more. */
function roomFor(bytes: number): number {
  return Math.min(FLOAT_WEIGHTS, Math.max(LEAST_FLOAT_WEIGHTS, (MOST_BYTES - bytes) / 0.75));
}

/** The part of all weights that each layer has. */
function weightsOf(fused: AnyGraph) {
  const sizes = new Map<string, number>();
  for (const path of layersWithWeights(fused)) {
    const weights = fused.getSubmodule(path).parameters();
    sizes.set(
      path,
      weights.reduce((sum, { dim, numel }) => sum + (dim >= 2 ? numel : 0), 0),
    );
  }
  const all = [...sizes.values()].reduce((sum, n) => sum + n, 0);
  const of = (path: string) => (sizes.get(path) ?? 0) / all;
  return { of, sum: (paths: readonly string[]) => paths.reduce((sum, path) => sum + of(path), 0) };
}

/** A simulation that changes no more, as a state. */
async function judged(
  reference: Reference,
  made: Pick<State, 'recipe' | 'fused' | 'simulation' | 'trained'>,
): Promise<State> {
  let int8: Promise<AnyGraph> | undefined;
  const once = () => {
    if (!int8) int8 = int8Of(made);
    return int8;
  };
  const comparison = await reference.judge(isWhole(made) ? made.simulation : await once());
  return { ...made, ...comparison, int8: once };
}

type Simulated = Pick<State, 'simulation' | 'recipe'>;

/** Recurrent and dynamic layers, which quantize their inputs at every call, don't do that in a simulation. */
function isWhole({ simulation, recipe }: Simulated): boolean {
  return recurrentLayers(simulation).length + recipe.dynamic.length === 0;
}

async function judge(reference: Reference, state: Simulated): Promise<Comparison> {
  return reference.judge(isWhole(state) ? state.simulation : await int8Of(state));
}
