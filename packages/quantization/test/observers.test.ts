import { cat, manualSeed, rand, randn, type Tensor, tensor } from '@octet/tensor';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  disableFakeQuant,
  disableObserver,
  enableFakeQuant,
  enableObserver,
  FakeQuantize,
  FixedQParamsObserver,
  fakeQuantize,
  HistogramObserver,
  LearnableFakeQuantize,
  MinMaxObserver,
  MovingAverageMinMaxObserver,
  MovingAveragePerChannelMinMaxObserver,
  PerChannelMinMaxObserver,
  RecordingObserver,
} from '../src';

beforeEach(() => void manualSeed(8));

const numbers = (t: Tensor) => Array.from(t.dataSync());

describe('observers', () => {
  test('MinMaxObserver keeps the extremes of all batches', () => {
    const observer = new MinMaxObserver();
    expect(numbers(observer.calculateQparams().scale)).toEqual([1]);
    const x = tensor([-1, 2]);
    expect(observer.call(x)).toBe(x);
    observer.call(tensor([0.5, 4.1]));
    expect(observer.minVal.itemSync()).toBe(-1);
    expect(observer.maxVal.itemSync()).toBeCloseTo(4.1);
    const { scale, zeroPoint } = observer.calculateQparams();
    expect(scale.itemSync()).toBeCloseTo(5.1 / 255);
    expect(numbers(zeroPoint)).toEqual([50]);
    observer.resetMinMaxVals();
    expect(observer.observed).toBe(false);
    expect(observer.minVal.itemSync()).toBe(Number.POSITIVE_INFINITY);
  });

  test('moving averages start with the first batch', () => {
    const observer = new MovingAverageMinMaxObserver({ averagingConstant: 0.5 });
    observer.call(tensor([-2, 2]));
    observer.call(tensor([-4, 3]));
    expect([observer.minVal.itemSync(), observer.maxVal.itemSync()]).toEqual([-3, 2.5]);
  });

  test('per channel, along either axis and in either memory order', () => {
    const x = tensor([
      [1, -2, 3],
      [4, 5, -6],
    ]);
    for (const view of [x, x.permute([1, 0]).contiguous().permute([1, 0])]) {
      const rows = new PerChannelMinMaxObserver({ chAxis: 0 });
      const columns = new MovingAveragePerChannelMinMaxObserver({ chAxis: 1 });
      rows.call(view);
      columns.call(view);
      expect([numbers(rows.minVal), numbers(rows.maxVal)]).toEqual([
        [-2, -6],
        [3, 5],
      ]);
      expect([numbers(columns.minVal), numbers(columns.maxVal)]).toEqual([
        [1, -2, -6],
        [4, 5, 3],
      ]);
    }
    const observer = new PerChannelMinMaxObserver();
    observer.call(x);
    expect(() => observer.call(randn([3, 3]))).toThrow(/2 channels along axis 0/);
  });

  test('HistogramObserver clips a lone outlier where that lowers the error', () => {
    const x = cat([rand([300000]), tensor([1.5])]);
    const histogram = new HistogramObserver();
    const minmax = new MinMaxObserver();
    const error = (observer: MinMaxObserver | HistogramObserver) => {
      observer.call(x);
      const { scale, zeroPoint } = observer.calculateQparams();
      const q = x.quantizePerTensor(scale.itemSync(), zeroPoint.itemSync(), 'quint8').dequantize();
      return { scale: scale.itemSync(), error: q.sub(x).square().mean().itemSync() };
    };
    const [clipped, whole] = [error(histogram), error(minmax)];
    expect(clipped.scale).toBeLessThan(0.8 * whole.scale);
    expect(clipped.error).toBeLessThan(whole.error);
  });

  test('state dicts keep ranges, histograms and switches', () => {
    for (const make of [
      () => new MinMaxObserver(),
      () => new PerChannelMinMaxObserver(),
      () => new HistogramObserver({ bins: 64 }),
      () => new FakeQuantize({ observer: MovingAveragePerChannelMinMaxObserver }),
    ]) {
      const first = make();
      for (let i = 0; i < 3; i++) first.call(randn([4, 9]));
      const second = make();
      second.loadStateDict(first.stateDict());
      const [a, b] = [first.calculateQparams(), second.calculateQparams()];
      expect(numbers(b.scale)).toEqual(numbers(a.scale));
      expect(numbers(b.zeroPoint)).toEqual(numbers(a.zeroPoint));
      const x = randn([4, 9]);
      first.call(x);
      second.call(x);
      expect(numbers(second.calculateQparams().scale)).toEqual(numbers(first.calculateQparams().scale));
    }
  });

  test('FixedQParamsObserver and RecordingObserver', () => {
    const fixed = new FixedQParamsObserver({ scale: 1 / 256, zeroPoint: 3 });
    fixed.call(randn([5]));
    expect(numbers(fixed.calculateQparams().zeroPoint)).toEqual([3]);
    const recording = new RecordingObserver();
    const x = randn([5]);
    recording.call(x);
    expect(recording.tensorVal.map(numbers)).toEqual([numbers(x)]);
  });

  test('withArgs adds up', () => {
    const factory = MinMaxObserver.withArgs({ dtype: 'qint8' }).withArgs({ qscheme: 'perTensorSymmetric' });
    const a = factory();
    expect(a).toBeInstanceOf(MinMaxObserver);
    expect([a.dtype, a.qscheme]).toEqual(['qint8', 'perTensorSymmetric']);
    expect(factory()).not.toBe(a);
  });
});

describe('fake quantization', () => {
  test('the switches', () => {
    const fake = new FakeQuantize();
    const x = randn([50]);
    fake.apply(disableFakeQuant);
    expect(fake.call(x)).toBe(x);
    expect(fake.scale.itemSync()).not.toBe(1);
    fake.apply(enableFakeQuant).apply(disableObserver);
    const scale = fake.scale.itemSync();
    const y = fake.call(x.mul(10));
    expect(fake.scale.itemSync()).toBe(scale);
    expect(Math.max(...numbers(y))).toBeLessThan(Math.max(...numbers(x)) + scale);
    fake.apply(enableObserver);
    fake.call(x.mul(10));
    expect(fake.scale.itemSync()).toBeGreaterThan(scale);
  });

  test('property: the same as quantize and dequantize, and the gradient passes where nothing was clamped', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -50, max: 50, noNaN: true }), { minLength: 1, maxLength: 40 }),
        fc.float({ min: Math.fround(0.001), max: 2, noNaN: true }),
        fc.integer({ min: 0, max: 255 }),
        (values, scale, zeroPoint) => {
          const x = tensor(values, { requiresGrad: true });
          const options = { quantMin: 0, quantMax: 255 };
          const y = fakeQuantize(x, tensor([scale]), tensor([zeroPoint], { dtype: 'int32' }), options);
          const q = x.detach().quantizePerTensor(scale, zeroPoint, 'quint8');
          expect(numbers(y)).toEqual(numbers(q.dequantize()));
          y.sum().backward();
          numbers(x.grad as Tensor).forEach((g, i) => {
            const unclamped = Math.fround(values[i] * Math.fround(1 / Math.fround(scale))) + zeroPoint;
            if (unclamped > 0.51 && unclamped < 254.49) expect(g).toBe(1);
            if (unclamped < -0.51 || unclamped > 255.51) expect(g).toBe(0);
          });
        },
      ),
    );
  });

  test('a learned scale moves down the gradient, once learning is on', () => {
    const fake = new LearnableFakeQuantize({ dtype: 'quint8' });
    const x = randn([200]);
    fake.call(x);
    const scale = fake.scale.itemSync();
    fake.enableParamLearning();
    fake.call(x).square().sum().backward();
    expect(fake.scale.grad).toBeDefined();
    expect(fake.scale.itemSync()).toBe(scale);
    const { zeroPoint } = fake.calculateQparams();
    expect(zeroPoint.dtype).toBe('int32');
  });
});
