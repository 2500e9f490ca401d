import { full, manualSeed, randn, type Tensor, tensor, zeros } from '@octet/tensor';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HistogramObserver, type HistogramOptions } from '../src';

const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
beforeEach(() => void manualSeed(1));
afterEach(() => warn.mockClear());

function seen(batches: readonly Tensor[], options: HistogramOptions = {}) {
  const observer = new HistogramObserver(options);
  for (const x of batches) observer.call(x);
  const { scale, zeroPoint } = observer.calculateQparams();
  return {
    range: [observer.minVal.itemSync(), observer.maxVal.itemSync()],
    count: observer.histogram.sum().itemSync(),
    scale: scale.itemSync(),
    zeroPoint: zeroPoint.itemSync(),
    observed: observer.observed,
  };
}

const narrow = (width: number) => tensor([0.5, 0.5 + width]);
/** What took forever, or as much memory, where a grid must hold both ranges. */
const hard: Record<string, Tensor[]> = {
  'one step of float32, then more': [narrow(2 ** -24), tensor([0.2, 0.9])],
  'narrow, then wide': [narrow(1e-5), tensor([-10, 10]), narrow(1e-7)],
  'an outlier': [randn([1000]), tensor([1e30]), randn([1000])],
  denormals: [tensor([1e-45, 4e-45]), tensor([0, 1])],
  'near the largest float32': [tensor([1, 2]), tensor([3e38])],
  'to both ends of float32': [tensor([-3e38, 1, 3e38]), tensor([-3.4e38, 2, 3.4e38]), tensor([5])],
  'from one end of float32 to the other': [tensor([3e38]), tensor([-3e38])],
};

describe('HistogramObserver', () => {
  test.each(Object.entries(hard))('takes at most a second, and says a finite scale: %s', (_, batches) => {
    const began = performance.now();
    const { scale, range } = seen(batches);
    expect(performance.now() - began).toBeLessThan(1000);
    expect(Number.isFinite(scale) && scale > 0).toBe(true);
    expect(range.every(Number.isFinite)).toBe(true);
  });

  test.each(['int', 'float'] as const)(
    "the older bins are as fast, or say why not: histcRange '%s'",
    (histcRange) => {
      for (const batches of Object.values(hard)) {
        const began = performance.now();
        try {
          expect(Number.isFinite(seen(batches, { histcRange }).scale)).toBe(true);
        } catch (error) {
          expect(String(error)).toMatch(
            /expected ranges with a common grid, found \[.*\], then \[.*Leave histcRange out/,
          );
        }
        expect(performance.now() - began).toBeLessThan(1000);
      }
    },
  );

  test('a range that float32 cannot span is that of half its numbers', () => {
    const { range, scale, zeroPoint } = seen([tensor([-3e38, 0, 3e38])]);
    expect(range[1]).toBeCloseTo(1.7014e38, -35);
    expect(range[0]).toBe(-range[1]);
    expect(scale / (range[1] / 127.5)).toBeCloseTo(1, 5);
    expect(zeroPoint).toBe(128);
  });

  test('counts batches of one value', () => {
    const { range, count, scale, zeroPoint } = seen([5, -3, 0.5, 7, 0.1].map((v) => full([1, 1], v)));
    expect(range).toEqual([-3, 7]);
    expect(count).toBe(5);
    expect(scale).toBeCloseTo(10 / 255, 4);
    expect(zeroPoint).toBe(77);
    expect(seen([full([9], 2), full([9], 2)])).toMatchObject({ range: [2, 2], count: 18 });
    expect(seen([full([9], 2), tensor([1, 3]), full([4], 2)])).toMatchObject({ range: [1, 3], count: 15 });
  });

  test('leaves infinities out, with a warning, and empty batches', () => {
    const infinity = Number.POSITIVE_INFINITY;
    const x = tensor([1, -infinity, 4, infinity]);
    expect(seen([zeros([0]), x, full([2], -infinity)])).toMatchObject({ range: [1, 4], count: 2 });
    expect(warn.mock.calls.map(([text]) => text)).toEqual([
      'octet: HistogramObserver: infinities are left out of the range.',
    ]);
    for (const nothing of [[], [zeros([0])], [full([3], infinity)]])
      expect(seen(nothing)).toMatchObject({ observed: false, scale: 1, zeroPoint: 0 });
  });

  test('refuses NaN and stays as it was', () => {
    const observer = new HistogramObserver();
    observer.call(tensor([1, 2]));
    const before = observer.histogram.dataSync();
    expect(() => observer.call(tensor([Number.NaN, Number.POSITIVE_INFINITY]))).toThrow(
      /expected finite values, found NaN/,
    );
    expect(observer.histogram.dataSync()).toEqual(before);
    expect(observer.maxVal.itemSync()).toBe(2);
  });

  test('goes on from a state dict', () => {
    const [first, second] = [randn([300]), randn([300]).mul(3)];
    const saved = new HistogramObserver();
    saved.call(first);
    const loaded = new HistogramObserver();
    loaded.loadStateDict(saved.stateDict());
    for (const observer of [saved, loaded]) observer.call(second);
    expect(loaded.histogram.dataSync()).toEqual(saved.histogram.dataSync());
    expect(loaded.calculateQparams().scale.itemSync()).toBe(saved.calculateQparams().scale.itemSync());
  });
});
