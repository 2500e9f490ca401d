import { describe, expect, test } from 'vitest';
import {
  arange,
  defaultGenerator,
  fromData,
  full,
  Generator,
  manualSeed,
  ones,
  onesLike,
  rand,
  randint,
  randn,
  randperm,
  tensor,
  zeros,
  zerosLike,
} from '../src';
import { list } from './support/layouts';

describe('tensor', () => {
  test('of nested arrays', () => {
    const t = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect([t.shape, t.dtype, t.numel, t.dim, t.size(-1), t.nbytes]).toEqual([
      [2, 3],
      'float32',
      6,
      2,
      3,
      24,
    ]);
    expect(list(t)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(tensor([[], []]).shape).toEqual([2, 0]);
  });

  test('of one number, and of truth values', () => {
    expect([tensor(5).shape, tensor(5).itemSync()]).toEqual([[], 5]);
    expect(list(tensor([true, false]))).toEqual([1, 0]);
    expect(list(tensor([3, 0], { dtype: 'bool' }))).toEqual([1, 0]);
  });

  test('takes the dtype of a typed array', () => {
    const arrays = [Float32Array, Float64Array, Int32Array, Uint8Array, Int8Array].map((A) => A.of(1));
    expect(arrays.map((a) => tensor(a).dtype)).toEqual(['float32', 'float64', 'int32', 'uint8', 'int8']);
    expect(tensor(new Float32Array(6), [2, 3]).shape).toEqual([2, 3]);
    expect(tensor(Int32Array.of(1), { dtype: 'float32' }).dtype).toBe('float32');
  });

  test('copies: the array may change afterwards', () => {
    const data = Float32Array.of(1, 2);
    const t = tensor(data);
    data[0] = 9;
    expect(list(t)).toEqual([1, 2]);
    const read = t.dataSync();
    read[0] = 9;
    expect(list(t)).toEqual([1, 2]);
  });

  test('refuses ragged rows, wrong lengths, wrong shapes', () => {
    expect(() => tensor([[1, 2], [3]])).toThrow(
      /nested arrays of shape \[2, 2\], found an array of 1 at depth 1/,
    );
    expect(() => tensor([1, [2]])).toThrow(/nested arrays of shape \[2\], found an array of 1 at depth 1/);
    expect(() => fromData([1, 2, 3], [2, 2])).toThrow(
      'tensor: expected 4 elements for shape [2, 2], found 3. Make data and shape agree.',
    );
    expect(() => zeros([-1])).toThrow(/a shape: an array of whole numbers >= 0, found \[-1\]/);
    expect(() => zeros([1.5])).toThrow(/whole numbers/);
    // @ts-expect-error not an array
    expect(() => zeros(3)).toThrow(/as one array, as in zeros\(\[2, 3\]\)/);
    // @ts-expect-error not a plain dtype
    expect(() => tensor([1], { dtype: 'quint8' })).toThrow(/a plain dtype, found quint8/);
  });
});

test('zeros, ones, full and their likes', () => {
  const x = tensor(Int32Array.of(5, 6));
  expect([zeros([2]), ones([2]), full([2], 7), zerosLike(x), onesLike(x)].map(list)).toEqual([
    [0, 0],
    [1, 1],
    [7, 7],
    [0, 0],
    [1, 1],
  ]);
  expect(onesLike(x).dtype).toBe('int32');
  expect(full([], 2, { dtype: 'float64', requiresGrad: true }).requiresGrad).toBe(true);
});

test('arange', () => {
  expect(list(arange(3))).toEqual([0, 1, 2]);
  expect(list(arange(1, 2, 0.25))).toEqual([1, 1.25, 1.5, 1.75]);
  expect(list(arange(3, 0, -2))).toEqual([3, 1]);
  expect(list(arange(3, 0))).toEqual([]);
  expect(arange(0, 3, 1, { dtype: 'int32' }).dtype).toBe('int32');
  expect(() => arange(0, 3, 0)).toThrow(/a step other than 0/);
});

test('item wants one element', async () => {
  expect(await tensor([[4]]).item()).toBe(4);
  expect(() => tensor([1, 2]).itemSync()).toThrow(/itemSync: expected a tensor of one element, found \[2\]/);
  await expect(tensor([1, 2]).item()).rejects.toThrow(/item: expected a tensor of one element/);
});

test('data is row-major, whatever the layout', async () => {
  const t = arange(6).reshape([2, 3]).transpose(0, 1);
  expect(Array.from(await t.data())).toEqual([0, 3, 1, 4, 2, 5]);
});

describe('random numbers', () => {
  test('are the same for the same seed', () => {
    manualSeed(42);
    const a = [randn([4]), rand([4]), randint(0, 10, [4]), randperm(4)].map(list);
    manualSeed(42);
    const b = [randn([4]), rand([4]), randint(0, 10, [4]), randperm(4)].map(list);
    expect(a).toEqual(b);
    expect(list(randn([4]))).not.toEqual(a[0]);
    expect(manualSeed(1)).toBe(defaultGenerator);
  });

  test('are these, on every machine', () => {
    const g = new Generator(1);
    expect([g.next(), g.next(), g.next()]).toMatchInlineSnapshot(`
      [
        1299785925,
        4001059704,
        2906380172,
      ]
    `);
  });

  test('of different seeds differ', () => {
    const first = [0, 1, 2, -1, 2 ** 32, 2 ** 40].map((seed) => new Generator(seed).next());
    expect(new Set(first).size).toBe(6);
  });

  test('have the moments they should', () => {
    const n = 20000;
    const generator = new Generator(3);
    const normal = randn([n], { generator });
    expect(normal.mean().itemSync()).toBeCloseTo(0, 1);
    expect(normal.var().itemSync()).toBeCloseTo(1, 1);
    const uniform = list(rand([n], { generator }));
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...uniform)).toBeLessThan(1);
    expect(uniform.reduce((s, v) => s + v, 0) / n).toBeCloseTo(0.5, 1);
    const dice = list(randint(1, 7, [n], { generator }));
    for (let face = 1; face <= 6; face++) {
      expect(dice.filter((v) => v === face).length / n).toBeCloseTo(1 / 6, 1);
    }
  });

  test('randperm has each number once', () => {
    expect(list(randperm(50, { generator: new Generator(1) })).sort((a, b) => a - b)).toEqual(
      list(arange(50)),
    );
  });
});
