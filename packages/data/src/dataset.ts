import { ArgumentError, checkOptions, requireArray, requireFunction } from '@octet/backend';
import { formatShape, Generator, kernel, select, type Tensor } from '@octet/tensor';

/** Samples by number. `get` may return promises: iterate the loader with `for await` then. */
export interface Dataset<T> {
  readonly length: number;
  /** The sample at `index`, 0 … length - 1. */
  get(index: number): T;
}

/** @throws ArgumentError unless `index` is a whole number within the data set. */
export function checkIndex(op: string, index: number, length: number): void {
  if (Number.isInteger(index) && index >= 0 && index < length) return;
  throw new ArgumentError({
    op,
    expected: length > 0 ? `an index from 0 to ${length - 1}` : 'a data set that is not empty',
    found: String(index),
    fix: `It has ${length} samples.`,
  });
}

/**
 * Tensors side by side: sample i is row i of each, views of them.
 * @throws ArgumentError unless all have the same number of rows
 */
export class TensorDataset<T extends readonly Tensor[]> implements Dataset<{ [K in keyof T]: Tensor }> {
  readonly tensors: T;

  constructor(...tensors: T) {
    kernel.requireTensor('TensorDataset', ...tensors);
    const lengths = tensors.map((t) => (t.dim > 0 ? t.shape[0] : 0));
    if (tensors.length === 0 || lengths.some((n) => n !== lengths[0]) || tensors.some((t) => t.dim === 0)) {
      throw new ArgumentError({
        op: 'TensorDataset',
        expected: 'tensors with the same first dimension',
        found: tensors.map((t) => formatShape(t.shape)).join(', ') || 'none',
        fix: 'The first dimension counts the samples.',
      });
    }
    this.tensors = tensors;
  }

  get length(): number {
    return this.tensors[0].shape[0];
  }

  /** @throws ArgumentError if the index is out of range */
  get(index: number): { [K in keyof T]: Tensor } {
    checkIndex('TensorDataset.get', index, this.length);
    return this.tensors.map((t) => select(t, 0, index)) as { [K in keyof T]: Tensor };
  }
}

/** Some samples of a data set, in the order of `indices`. @throws ArgumentError for one out of range */
export class Subset<T> implements Dataset<T> {
  readonly indices: readonly number[];

  constructor(
    readonly dataset: Dataset<T>,
    indices: Iterable<number>,
  ) {
    this.indices = [...indices];
    for (const index of this.indices) checkIndex('Subset', index, dataset.length);
  }

  get length(): number {
    return this.indices.length;
  }

  /** @throws ArgumentError if the index is out of range */
  get(index: number): T {
    checkIndex('Subset.get', index, this.length);
    return this.dataset.get(this.indices[index]);
  }
}

/** A data set whose samples go through `transform` when they are read. */
export class MapDataset<T, U> implements Dataset<U> {
  constructor(
    readonly dataset: Dataset<T>,
    readonly transform: (sample: T) => U,
  ) {
    requireFunction('MapDataset', transform);
  }

  get length(): number {
    return this.dataset.length;
  }

  get(index: number): U {
    return this.transform(this.dataset.get(index));
  }
}

/**
 * Deals the samples out into parts of the given sizes (which add up to the length, or fractions that add up to 1), the
 * same for the same seed. @throws ArgumentError if they don't add up
 */
export function randomSplit<T>(
  dataset: Dataset<T>,
  sizes: readonly number[],
  options?: { seed?: number; generator?: Generator },
): Subset<T>[] {
  const { seed = 0, generator = new Generator(seed) } = checkOptions(
    'randomSplit',
    options,
    'seed generator',
  );
  requireArray('randomSplit', sizes, 'sizes');
  const counts = toCounts(dataset.length, sizes);
  const order = generator.permutation(dataset.length);
  let start = 0;
  return counts.map((count) => {
    const part = new Subset(dataset, order.subarray(start, start + count));
    start += count;
    return part;
  });
}

function toCounts(length: number, sizes: readonly number[]): readonly number[] {
  const sum = sizes.reduce((a, b) => a + b, 0);
  if (sizes.every((n) => Number.isInteger(n) && n >= 0) && sum === length) return sizes;
  if (sizes.every((n) => n >= 0 && n <= 1) && Math.abs(sum - 1) < 1e-6) {
    const counts = sizes.map((n) => Math.floor(n * length));
    // As PyTorch does: what rounding left over goes to the parts in turn.
    const rest = length - counts.reduce((a, b) => a + b, 0);
    for (let i = 0; i < rest; i++) counts[i % counts.length]++;
    return counts;
  }
  throw new ArgumentError({
    op: 'randomSplit',
    expected: `sizes that add up to ${length}, or fractions that add up to 1`,
    found: formatShape(sizes),
    fix: 'Every sample goes into exactly one part.',
  });
}
