import type { Tensor } from '@octet/tensor';
import type { ModelInput } from '../inputs';
import { decibels } from '../statistics';
import type { AnyGraph } from './simulation';
import { running, type States } from './states';

/** Signal to noise of each output in dB; null where there is no noise, or no signal. */
export type OutputDb = readonly (number | null)[];

/** What the float model gives, to compare others with. */
export class Reference {
  private constructor(
    readonly inputs: readonly ModelInput[],
    private readonly states: States,
    private readonly expected: readonly (readonly ArrayLike<number>[])[],
  ) {}

  /** A model with `states` runs freely: from the second input on it gets its own ones back. */
  static async of(
    model: AnyGraph,
    inputs: readonly ModelInput[],
    states: States = new Map(),
  ): Promise<Reference> {
    const expected: ArrayLike<number>[][] = [];
    for (const { outputs } of running(model, inputs, states)) expected.push(await valuesOf(outputs));
    return new Reference(inputs, states, expected);
  }

  /** What another model gives for the same inputs. */
  of(model: AnyGraph): Promise<Reference> {
    return Reference.of(model, this.inputs, this.states);
  }

  /** Of the first inputs alone. */
  first(count: number): Reference {
    return new Reference(this.inputs.slice(0, count), this.states, this.expected.slice(0, count));
  }

  /** How far another model's outputs are from these, over all inputs. */
  async compare(model: AnyGraph): Promise<OutputDb> {
    const signal: number[] = [];
    const noise: number[] = [];
    let i = 0;
    for (const { outputs } of running(model, this.inputs, this.states)) {
      const actual = await valuesOf(outputs);
      for (const [k, expected] of this.expected[i++].entries()) {
        let [s, n] = [0, 0];
        for (let j = 0; j < expected.length; j++) {
          const d = expected[j] - actual[k][j];
          s += expected[j] * expected[j];
          n += d * d;
        }
        signal[k] = (signal[k] ?? 0) + s;
        noise[k] = (noise[k] ?? 0) + n;
      }
    }
    return signal.map((s, k) => decibels(s, noise[k]));
  }
}

function valuesOf(outputs: readonly Tensor[]): Promise<ArrayLike<number>[]> {
  return Promise.all(outputs.map((t) => t.data()));
}

/** No noise counts as this much. */
const EXACT_DB = 120;
const capped = (db: number | null) => Math.min(db ?? EXACT_DB, EXACT_DB);

/** The worst output: what a target is held against. */
export function worst(db: OutputDb): number {
  return Math.min(...db.map(capped));
}

/** The mean of all outputs: what cures are chosen by. */
export function mean(db: OutputDb): number {
  return db.reduce((sum: number, each) => sum + capped(each), 0) / Math.max(db.length, 1);
}
