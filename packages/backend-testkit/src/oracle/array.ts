/** An array the slow way: a shape, and the elements row-major. */
export interface NdArray<Data extends ArrayLike<number> = readonly number[]> {
  readonly shape: readonly number[];
  readonly data: Data;
}

export { numel as size } from '@octet/backend';

/** All indices of a shape in row-major order. */
export function indices(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (all, d) => all.flatMap((i) => Array.from({ length: d }, (_, j) => [...i, j])),
    [[]],
  );
}

/** The element of an array at an index, which must be inside. */
export function at({ shape, data }: NdArray<ArrayLike<number>>, index: readonly number[]): number {
  return data[index.reduce((n, i, d) => n * shape[d] + i, 0)];
}

/** The array of `shape` whose element at each index is f(index). */
export function build(shape: readonly number[], f: (index: readonly number[]) => number): NdArray {
  return { shape, data: indices(shape).map(f) };
}

/** The element of `x` that stands at `index` of a shape that x broadcasts to. */
export function broadcastAt(x: NdArray<ArrayLike<number>>, index: readonly number[]): number {
  const own = index.slice(index.length - x.shape.length);
  return at(
    x,
    own.map((i, d) => (x.shape[d] === 1 ? 0 : i)),
  );
}

/** Σ f(i) for i of 0 … n - 1. */
export function sumOf(n: number, f: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += f(i);
  return sum;
}
