import { ArgumentError, checkOptions, requireFunction } from '@octet/backend';
import { Generator } from '@octet/tensor';
import { type Collated, collate as defaultCollate } from './collate';
import type { Dataset } from './dataset';

export interface DataLoaderOptions<T, B> {
  dataset: Dataset<T>;
  batchSize?: number;
  /** A new order in every epoch. */
  shuffle?: boolean;
  /** Of the orders: the same seed gives the same epochs, one after another. */
  seed?: number;
  /** In place of the seed. */
  generator?: Generator;
  /** Leave out the last batch if it is not full. */
  dropLast?: boolean;
  /** Makes a batch of samples. */
  collate?: (samples: Awaited<T>[]) => B;
}

/**
 * The batches of a data set. Each `for … of` is one epoch; `for await … of` too, and takes data sets whose samples are
 * promises (the samples of a batch are read together).
 *
 * @example
 * for (const [images, labels] of new DataLoader({ dataset, batchSize: 32, shuffle: true })) …
 * @throws ArgumentError if the data set is empty or the batch size is no whole number >= 1
 */
export class DataLoader<T, B = Collated<Awaited<T>>> implements Iterable<B>, AsyncIterable<B> {
  readonly dataset: Dataset<T>;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly dropLast: boolean;
  private readonly generator: Generator;
  private readonly collate: (samples: Awaited<T>[]) => B;

  constructor(options: DataLoaderOptions<T, B>) {
    const {
      dataset,
      batchSize = 1,
      shuffle = false,
      seed = 0,
      generator = new Generator(seed),
      dropLast = false,
      collate = defaultCollate as unknown as (samples: Awaited<T>[]) => B,
    } = checkOptions('DataLoader', options, 'dataset batchSize shuffle seed generator dropLast collate');
    if (!(Number.isInteger(batchSize) && batchSize >= 1)) {
      throw new ArgumentError({
        op: 'DataLoader',
        expected: 'a batchSize that is a whole number >= 1',
        found: String(batchSize),
        fix: 'For one batch of everything pass dataset.length.',
      });
    }
    requireFunction('DataLoader', dataset?.get, 'a dataset with a method get');
    if (!(dataset.length > 0)) {
      throw new ArgumentError({
        op: 'DataLoader',
        expected: 'a data set that is not empty',
        found: `length ${dataset.length}`,
        fix: 'Check where the samples come from, and how they were split.',
      });
    }
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.shuffle = shuffle;
    this.generator = generator;
    this.dropLast = dropLast;
    this.collate = collate;
  }

  /** Batches in an epoch. */
  get length(): number {
    const batches = this.dataset.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** One epoch. @throws ArgumentError if the samples are promises */
  *[Symbol.iterator](): IterableIterator<B> {
    for (const indices of this.batches()) yield this.collate(indices.map((i) => this.sample(i)));
  }

  /** One epoch of samples that may be promises. */
  async *[Symbol.asyncIterator](): AsyncGenerator<B, void, undefined> {
    for (const indices of this.batches()) {
      yield this.collate(await Promise.all(indices.map((i) => this.dataset.get(i))));
    }
  }

  private sample(index: number): Awaited<T> {
    const sample = this.dataset.get(index);
    if (sample instanceof Promise) {
      throw new ArgumentError({
        op: 'DataLoader',
        expected: 'samples that are there at once',
        found: 'a promise',
        fix: 'Loop with for await (… of loader).',
      });
    }
    return sample as Awaited<T>;
  }

  /** The indices of each batch of a new epoch. */
  private batches(): number[][] {
    const { length } = this.dataset;
    const order = this.shuffle
      ? this.generator.permutation(length)
      : Int32Array.from({ length }, (_, i) => i);
    return Array.from({ length: this.length }, (_, b) =>
      Array.from(order.subarray(b * this.batchSize, (b + 1) * this.batchSize)),
    );
  }
}
