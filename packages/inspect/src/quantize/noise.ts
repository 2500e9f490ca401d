import type { Tensor } from '@octet/tensor';
import type { ModelInput } from '../inputs';
import { decibels } from '../statistics';
import type { AnyGraph } from './simulation';
import { running, type States } from './states';

/** Signal to noise of each output in dB; null where there is no noise, or no signal. */
export type OutputDb = readonly (number | null)[];

/** How far a model is from another. */
export interface Comparison {
  /** Over all inputs. */
  readonly db: OutputDb;
  /** What cures are chosen by, in dB: the mean of `db`, and of the same of each input alone. Few inputs can make most of the noise; all have a say here. */
  readonly score: number;
  /** The mean over the outputs for each input alone, in dB. */
  readonly each: readonly number[];
}

/** Less than this, in dB, is chance. */
export const WORTHWHILE_DB = 0.2;

/** Whether one model is better than another on the same inputs: by more than chance, and than single inputs make of it. */
export function isGain(before: Comparison, after: Comparison): boolean {
  if (!(after.score - before.score >= WORTHWHILE_DB)) return false;
  const gains = after.each.map((db, i) => db - before.each[i]);
  const n = gains.length;
  const middle = gains.reduce((sum, gain) => sum + gain, 0) / n;
  const variance = gains.reduce((sum, gain) => sum + (gain - middle) ** 2, 0) / Math.max(1, n - 1);
  return middle >= Math.sqrt(variance / n);
}

/** What the float model gives, to compare others with. */
export class Reference {
  private constructor(
    readonly inputs: readonly ModelInput[],
    private readonly states: States,
    /** Inputs that only bring a model into its state. */
    private readonly warmUp: number,
    private readonly expected: readonly (readonly ArrayLike<number>[])[],
  ) {}

  /** A model with `states` runs freely: from the second input on it gets its own ones back. What comes of `before` isn't compared. */
  static async of(
    model: AnyGraph,
    inputs: readonly ModelInput[],
    states: States = new Map(),
    before: readonly ModelInput[] = [],
  ): Promise<Reference> {
    const all = [...before, ...inputs];
    const expected: ArrayLike<number>[][] = [];
    for (const { outputs } of running(model, all, states)) expected.push(await valuesOf(outputs));
    return new Reference(all, states, before.length, expected);
  }

  /** What another model gives for the same inputs. */
  of(model: AnyGraph): Promise<Reference> {
    const [before, inputs] = [this.inputs.slice(0, this.warmUp), this.inputs.slice(this.warmUp)];
    return Reference.of(model, inputs, this.states, before);
  }

  /** How many inputs are compared. */
  get count(): number {
    return this.inputs.length - this.warmUp;
  }

  /** Of the first inputs alone, of those that are compared. */
  first(count: number): Reference {
    const end = this.warmUp + count;
    return new Reference(this.inputs.slice(0, end), this.states, this.warmUp, this.expected.slice(0, end));
  }

  /** How far another model's outputs are from these, over all inputs. */
  async compare(model: AnyGraph): Promise<OutputDb> {
    return (await this.judge(model)).db;
  }

  async judge(model: AnyGraph): Promise<Comparison> {
    const signal: number[] = [];
    const noise: number[] = [];
    const each: number[] = [];
    let i = 0;
    for (const { outputs } of running(model, this.inputs, this.states)) {
      const at = i++;
      if (at < this.warmUp) continue;
      const actual = await valuesOf(outputs);
      const own: (number | null)[] = [];
      for (const [k, expected] of this.expected[at].entries()) {
        let [s, n] = [0, 0];
        for (let j = 0; j < expected.length; j++) {
          const d = expected[j] - actual[k][j];
          s += expected[j] * expected[j];
          n += d * d;
        }
        signal[k] = (signal[k] ?? 0) + s;
        noise[k] = (noise[k] ?? 0) + n;
        own.push(decibels(s, n));
      }
      each.push(mean(own));
    }
    const db = signal.map((s, k) => decibels(s, noise[k]));
    return { db, score: (mean(db) + mean(each)) / 2, each };
  }
}

function valuesOf(outputs: readonly Tensor[]): Promise<ArrayLike<number>[]> {
  return Promise.all(outputs.map((t) => t.data()));
}

/** No noise counts as this much. */
const EXACT_DB = 120;
const capped = (db: number | null) => Math.min(db ?? EXACT_DB, EXACT_DB);

/** From this on a model is as good as float for most, and up to this it is ruined; in dB. */
const GOOD_DB = 30;
const RUINED_DB = 25;

/**
 * What a model is worth, to be held against prices: a dB up to 25 counts four times, up to 30 three times, beyond 30 half, and beyond `enough` not at all. Of all
 * outputs, and the worst of them as much again; half of that, and half of the inputs one by one.
 */
export function worthOf({ db, each }: Comparison, enough: number): number {
  const worth = (given: number | null) => {
    const x = Math.min(capped(given), enough) - GOOD_DB;
    return x > 0 ? x / 2 : 3 * x + Math.min(0, x + GOOD_DB - RUINED_DB);
  };
  const outputs = db.map(worth);
  return (mean(outputs) + Math.min(...outputs)) / 4 + mean(each.map(worth)) / 2;
}

/** The worst output: what a target is held against. */
export function worst(db: OutputDb): number {
  return Math.min(...db.map(capped));
}

/** The mean of all outputs. */
function mean(db: OutputDb): number {
  return db.reduce((sum: number, each) => sum + capped(each), 0) / Math.max(db.length, 1);
}

/** The mean over the outputs of noise to signal. */
export function relativeNoise(db: OutputDb): number {
  const sum = db.reduce<number>((noise, each) => noise + (each === null ? 0 : 10 ** (-each / 10)), 0);
  return sum / Math.max(1, db.length);
}
