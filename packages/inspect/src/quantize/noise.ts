import { tensorsIn } from '@octet/graph';
import type { AnyModule } from '@octet/nn';
import { noGrad, type Tensor } from '@octet/tensor';
import { argumentsOf, type ModelInput } from '../inputs';
import { decibels } from '../statistics';

/** Signal to noise of each output in dB; null where there is no noise, or no signal. */
export type OutputDb = readonly (number | null)[];

/** All outputs of a call, in their order. */
export function outputsOf(model: AnyModule, input: ModelInput): Tensor[] {
  return tensorsIn(noGrad(() => model.call(...argumentsOf(input))));
}

/** What the float model gives, to compare others with. */
export class Reference {
  private constructor(
    readonly inputs: readonly ModelInput[],
    private readonly expected: readonly (readonly ArrayLike<number>[])[],
  ) {}

  static async of(model: AnyModule, inputs: readonly ModelInput[]): Promise<Reference> {
    const expected: ArrayLike<number>[][] = [];
    for (const input of inputs) expected.push(await valuesOf(outputsOf(model, input)));
    return new Reference(inputs, expected);
  }

  /** How far another model's outputs are from these, over all inputs. */
  async compare(model: AnyModule): Promise<OutputDb> {
    const signal: number[] = [];
    const noise: number[] = [];
    for (const [i, input] of this.inputs.entries()) {
      const actual = await valuesOf(outputsOf(model, input));
      for (const [k, expected] of this.expected[i].entries()) {
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
