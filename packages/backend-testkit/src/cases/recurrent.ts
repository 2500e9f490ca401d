import type { DynamicLinearAttrs } from '@octet/backend';
import { type CaseTensor, floats } from './case';

// Below, at and beyond vectors, tiles of rows, and few rows.
export const sizes = [
  [1, 1, 1],
  [3, 1, 4],
  [5, 1, 67],
  [4, 3, 5],
  [2, 5, 8],
  [3, 7, 6],
  [2, 51, 9],
  [2, 0, 3],
] as const;

/** One number of a tensor made NaN. */
export function broken(t: CaseTensor, at: number): CaseTensor {
  const data = t.data.slice();
  data[at] = Number.NaN;
  return { ...t, data };
}

/** What every layer takes, for `gates` gates; the initial state is of its own. */
export function inputsOf(steps: number, n: number, hidden: number, gates: number, biased: boolean) {
  return {
    x: floats(1, [steps, n, gates * hidden]),
    bias: biased ? floats(3, [gates * hidden], -1, 1) : undefined,
    h0: floats(4, [n, hidden], -1, 1),
  };
}

/** Of `c` weight scales and zero points. */
export function dynamicAttrs(c: number, symmetric: boolean, reduceRange: boolean): DynamicLinearAttrs {
  return {
    weightScale: Float32Array.from({ length: c }, (_, at) => 0.003 + 0.001 * (at % 5)),
    weightZeroPoint: Int32Array.from({ length: c }, (_, at) => (symmetric ? 0 : (at % 3) - 1)),
    reduceRange,
  };
}
