import { ArgumentError, ShapeError } from '@octet/backend';
import { arange, Generator, ones, type Tensor, tensor, zeros } from '@octet/tensor';
import { describe, expect, expectTypeOf, test } from 'vitest';
import {
  collate,
  compose,
  DataLoader,
  type Dataset,
  MapDataset,
  normalize,
  randomSplit,
  Subset,
  TensorDataset,
  toTensor,
} from '../src';

const range = (length: number): Dataset<number> => ({ length, get: (i) => i });
const values = (batches: Iterable<Tensor>) => [...batches].map((b) => Array.from(b.dataSync()));

describe('data sets', () => {
  const dataset = new TensorDataset(arange(6).reshape([3, 2]), tensor([7, 8, 9], { dtype: 'int32' }));

  test('of tensors give rows', () => {
    const [x, y] = dataset.get(1);
    expect(dataset.length).toBe(3);
    expect(x.dataSync()).toEqual(Float32Array.of(2, 3));
    expect(y.itemSync()).toBe(8);
    expect(() => dataset.get(3)).toThrow('TensorDataset.get: expected an index from 0 to 2, found 3');
    expect(() => dataset.get(-1)).toThrow(ArgumentError);
    expect(() => dataset.get(0.5)).toThrow(ArgumentError);
    expect(() => new TensorDataset(zeros([3]), zeros([4]))).toThrow(ArgumentError);
    expect(() => new TensorDataset(zeros([]))).toThrow(ArgumentError);
  });

  test('in part', () => {
    const part = new Subset(dataset, [2, 0]);
    expect(part.length).toBe(2);
    expect(part.get(0)[1].itemSync()).toBe(9);
    expect(() => part.get(2)).toThrow(ArgumentError);
    expect(() => new Subset(dataset, [3])).toThrow(ArgumentError);
  });

  test('seen through a function', () => {
    const squares = new MapDataset(range(4), (i) => `${i * i}`);
    expectTypeOf(squares.get(0)).toEqualTypeOf<string>();
    expect([squares.length, squares.get(3)]).toEqual([4, '9']);
  });

  test('split at random, the same way for the same seed', () => {
    const [a, b] = randomSplit(range(10), [7, 3], { seed: 1 });
    expect([a.length, b.length]).toEqual([7, 3]);
    expect([...a.indices, ...b.indices].sort((m, n) => m - n)).toEqual(
      Array.from({ length: 10 }, (_, i) => i),
    );
    expect(randomSplit(range(10), [7, 3], { seed: 1 })[0].indices).toEqual(a.indices);
    expect(randomSplit(range(10), [7, 3], { seed: 2 })[0].indices).not.toEqual(a.indices);
    expect(randomSplit(range(11), [0.5, 0.5]).map((part) => part.length)).toEqual([6, 5]);
    expect(() => randomSplit(range(10), [7, 4])).toThrow(ArgumentError);
    expect(() => randomSplit(range(10), [0.5, 0.4])).toThrow(ArgumentError);
  });
});

describe('DataLoader', () => {
  test('gives batches in order', () => {
    const loader = new DataLoader({ dataset: range(5), batchSize: 2 });
    expect(loader.length).toBe(3);
    expect(values(loader)).toEqual([[0, 1], [2, 3], [4]]);
    expect(values(loader)).toEqual([[0, 1], [2, 3], [4]]);
    expect(values(new DataLoader({ dataset: range(5), batchSize: 2, dropLast: true }))).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  test('shuffles every epoch anew, the same at every run', () => {
    const make = () => new DataLoader({ dataset: range(20), batchSize: 20, shuffle: true, seed: 4 });
    const loader = make();
    const epochs = [...values(loader), ...values(loader)];
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect([...epochs[1]].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    const again = make();
    expect([...values(again), ...values(again)]).toEqual(epochs);
    const generator = new Generator(4);
    expect(
      values(new DataLoader({ dataset: range(20), batchSize: 20, shuffle: true, generator }))[0],
    ).toEqual(epochs[0]);
  });

  test('can be left in the middle', () => {
    const loader = new DataLoader({ dataset: range(4) });
    for (const batch of loader) {
      expect(batch.itemSync()).toBe(0);
      break;
    }
    expect(values(loader)).toHaveLength(4);
  });

  test('waits for samples that are promises', async () => {
    const dataset: Dataset<Promise<{ x: Tensor; label: number }>> = {
      length: 3,
      get: async (label) => ({ x: ones([2]), label }),
    };
    const loader = new DataLoader({ dataset, batchSize: 2 });
    const shapes: unknown[] = [];
    for await (const { x, label } of loader) {
      expectTypeOf(x).toEqualTypeOf<Tensor>();
      shapes.push([x.shape, label.shape]);
    }
    expect(shapes).toEqual([
      [[2, 2], [2]],
      [[1, 2], [1]],
    ]);
    expect(() => [...loader]).toThrow(/for await/);
  });

  test('for await works with all others too', async () => {
    const got: number[] = [];
    for await (const batch of new DataLoader({ dataset: range(3), batchSize: 2 })) got.push(batch.numel);
    expect(got).toEqual([2, 1]);
  });

  test('has a collate of one’s own', () => {
    const loader = new DataLoader({ dataset: range(3), batchSize: 3, collate: (s) => s.join('-') });
    expectTypeOf(loader).toEqualTypeOf<DataLoader<number, string>>();
    expect([...loader]).toEqual(['0-1-2']);
  });

  test('refuses batch sizes and empty data sets', () => {
    for (const batchSize of [0, -1, 1.5, Number.NaN]) {
      expect(() => new DataLoader({ dataset: range(3), batchSize })).toThrow(ArgumentError);
    }
    expect(() => new DataLoader({ dataset: range(0) })).toThrow(/not empty/);
  });

  test.each<[text: string, call: () => unknown, message: RegExp]>([
    ['no dataset', () => new DataLoader({} as never), /DataLoader: expected a dataset with a method get/],
    ['an array', () => new DataLoader({ dataset: [1] as never }), /a dataset with a method get/],
    [
      'tensors in an array',
      () => new TensorDataset([zeros([1])] as never),
      /TensorDataset: expected a tensor/,
    ],
    ['no transform', () => new MapDataset(range(1), undefined as never), /MapDataset: expected a function/],
    [
      'sizes that are none',
      () => randomSplit(range(1), 1 as never),
      /randomSplit: expected an array of sizes/,
    ],
    [
      'mean and std one by one',
      () => normalize([0.5] as never),
      /normalize: expected options of \{ mean, std \}/,
    ],
    ['inplace', () => normalize({ mean: [0], std: [1], inplace: true } as never), /found 'inplace'/],
    ['one mean', () => normalize({ mean: 0, std: 1 } as never), /normalize: expected an array of means/],
    ['pixels too early', () => toTensor({ data: 1 } as never), /toTensor: expected no options/],
  ])('refuses %s', (_, call, message) => {
    expect(call).toThrow(ArgumentError);
    expect(call).toThrow(message);
  });
});

describe('collate', () => {
  test('stacks what it finds', () => {
    const dataset = new TensorDataset(arange(6).reshape([3, 2]), tensor([7, 8, 9], { dtype: 'int32' }));
    const [[x, y]] = [...new DataLoader({ dataset, batchSize: 3 })];
    expectTypeOf(x).toEqualTypeOf<Tensor>();
    expect([x.shape, y.shape, y.dtype]).toEqual([[3, 2], [3], 'int32']);
  });

  test('numbers, booleans, strings, tuples, records', () => {
    const batch = collate([
      { a: 1, b: [0.5, true] as [number, boolean], name: 'x' },
      { a: 2, b: [1, false] as [number, boolean], name: 'y' },
    ]);
    expectTypeOf(batch).toEqualTypeOf<{ a: Tensor; b: [Tensor, Tensor]; name: string[] }>();
    expect([batch.a.dtype, batch.b[0].dtype, batch.b[1].dtype]).toEqual(['int32', 'float32', 'bool']);
    expect(Array.from(batch.b[0].dataSync())).toEqual([0.5, 1]);
    expect(batch.name).toEqual(['x', 'y']);
  });

  test.each<[string, unknown[]]>([
    ['nothing', []],
    ['kinds', [1, 'a']],
    ['lengths', [[1], [1, 2]]],
    ['keys', [{ a: 1 }, { b: 1 }]],
  ])('refuses to mix %s', (_, samples) => {
    expect(() => collate(samples)).toThrow(ArgumentError);
  });

  test('refuses tensors of different shapes', () => {
    expect(() => collate([zeros([1]), zeros([2])])).toThrow(ShapeError);
  });
});

describe('transforms', () => {
  const image = { data: Uint8Array.of(0, 51, 255, 102, 0, 204), width: 2, height: 1 };

  test('toTensor puts the channels first', () => {
    const t = toTensor()(image);
    expect(t.shape).toEqual([3, 1, 2]);
    expect(t.dataSync()).toEqual(Float32Array.of(0, 0.4, 0.2, 0, 1, 0.8));
    expect(() => toTensor()({ ...image, width: 4 })).toThrow(ShapeError);
  });

  test('normalize', () => {
    const f = normalize({ mean: [1, 2], std: [2, 4] });
    expect(f(ones([2, 1, 1])).dataSync()).toEqual(Float32Array.of(0, -0.25));
    expect(f(ones([3, 2, 1, 1])).shape).toEqual([3, 2, 1, 1]);
    expect(() => f(ones([3, 1, 1]))).toThrow(ShapeError);
    expect(() => normalize({ mean: [1], std: [0] })).toThrow(ArgumentError);
    expect(() => normalize({ mean: [1, 2], std: [1] })).toThrow(ArgumentError);
  });

  test('compose', () => {
    const f = compose(toTensor(), normalize({ mean: [0, 0, 0], std: [1, 1, 1] }), (t) => t.numel);
    expectTypeOf(f).returns.toEqualTypeOf<number>();
    expect(f(image)).toBe(6);
  });
});
