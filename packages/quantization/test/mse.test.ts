import { fromData, manualSeed, randn, type Tensor, tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import { HistogramObserver, MSEObserver } from '../src';

beforeEach(() => void manualSeed(3));

function rangeOf(observer: HistogramObserver, batches: readonly Tensor[]): { scale: number; zero: number } {
  for (const x of batches) observer.call(x);
  const { scale, zeroPoint } = observer.calculateQparams();
  return { scale: scale.dataSync()[0], zero: zeroPoint.dataSync()[0] };
}

function squaredError(observer: HistogramObserver, x: Tensor): number {
  const { scale, zero } = rangeOf(observer, [x]);
  const rounded = x.quantizePerTensor(scale, zero, observer.dtype).dequantize().dataSync();
  return (x.dataSync() as Float32Array).reduce((sum, v, i) => sum + (v - rounded[i]) ** 2, 0);
}

const tailed = (power: number) =>
  fromData(
    Float32Array.from(randn([40_000]).dataSync(), (v) => Math.sign(v) * Math.abs(v) ** power),
    [40_000],
  );

describe('MSEObserver', () => {
  test.each([
    ['a normal distribution', () => randn([40_000])],
    ['long tails', () => tailed(3)],
    ['very long tails', () => tailed(5)],
    ['many zeros, and a tail', () => tailed(3).relu()],
    ['an offset', () => randn([40_000]).add(7)],
  ])('is as good as PyTorch’s search, or better: %s', (_, make) => {
    const x = make();
    const [ours, theirs] = [new MSEObserver(), new HistogramObserver()].map((o) => squaredError(o, x));
    expect(ours).toBeLessThanOrEqual(1.01 * theirs);
  });

  test('takes no zeros for numbers that are rounded', () => {
    // A thousand between 0 and 1, one of 1.5, and as many zeros as one likes.
    const numbers = Array.from({ length: 1000 }, (_, i) => i / 1000);
    const of = (zeros: number) =>
      rangeOf(new MSEObserver(), [tensor([...numbers, 1.5, ...new Array<number>(zeros).fill(0)])]);
    expect(of(1_000_000)).toEqual(of(0));
    const { scale } = rangeOf(new HistogramObserver(), [
      tensor([...numbers, 1.5, ...new Array<number>(1_000_000).fill(0)]),
    ]);
    expect(scale).toBeLessThan(of(0).scale);
  });

  test('of symmetric schemes has symmetric bounds', () => {
    const x = tailed(4).add(0.5);
    const options = { dtype: 'qint8', qscheme: 'perTensorSymmetric' } as const;
    const [ours, theirs] = [new MSEObserver(options), new HistogramObserver(options)].map((o) =>
      squaredError(o, x),
    );
    expect(ours).toBeLessThanOrEqual(1.01 * theirs);
    expect(rangeOf(new MSEObserver(options), [x]).zero).toBe(0);
  });

  test.each([
    ['one value', [2, 2, 2], 2 / 255, 0],
    ['one value below 0', [-2], 2 / 255, 255],
    ['zeros', [0, 0], 2 ** -23, 0],
  ])('has a scale for %s', (_, values, scale, zero) => {
    const found = rangeOf(new MSEObserver(), [tensor(values)]);
    expect(found.scale).toBeCloseTo(scale, 7);
    expect(found.zero).toBe(zero);
  });

  test('goes on from what was saved', () => {
    const [a, b] = [tailed(3), tailed(3).mul(2)];
    const saved = new MSEObserver();
    saved.call(a);
    const loaded = new MSEObserver();
    loaded.loadStateDict(saved.stateDict());
    expect(rangeOf(loaded, [b])).toEqual(rangeOf(saved, [b]));
  });
});
