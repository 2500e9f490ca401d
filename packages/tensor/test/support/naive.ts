import type { Tensor } from '../../src';
import { f64, list } from './layouts';

/** A tensor the slow way: a shape and row-major numbers. The oracle of the property tests. */
export interface Naive {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export function naiveOf(t: Tensor): Naive {
  return { shape: t.shape, data: list(t) };
}

export function tensorOf({ shape, data }: Naive): Tensor {
  return f64(data, shape);
}

export function size(shape: readonly number[]): number {
  return shape.reduce((n, d) => n * d, 1);
}

/** All indices of a shape in row-major order. */
export function indices(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (all, d) => all.flatMap((i) => Array.from({ length: d }, (_, j) => [...i, j])),
    [[]],
  );
}

export function at({ shape, data }: Naive, index: readonly number[]): number {
  return data[index.reduce((n, i, d) => n * shape[d] + i, 0)];
}

/** The array of `shape` whose element at each index is f(index). */
export function build(shape: readonly number[], f: (index: readonly number[]) => number): Naive {
  return { shape, data: indices(shape).map(f) };
}

/** The element of `x` that stands at `index` of a shape that x broadcasts to. */
export function broadcastAt(x: Naive, index: readonly number[]): number {
  const own = index.slice(index.length - x.shape.length);
  return at(
    x,
    own.map((i, d) => (x.shape[d] === 1 ? 0 : i)),
  );
}
