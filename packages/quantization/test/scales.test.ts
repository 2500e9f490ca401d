import { ModuleError, QuantizationError } from '@octet/backend';
import { zeros as floats, tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import {
  FakeQuantize,
  FixedQParamsObserver,
  FusedMovingAvgObsFakeQuantize,
  fakeQuantize,
  HistogramObserver,
  learnableFakeQuantize,
  MinMaxObserver,
  PerChannelMinMaxObserver,
  quantized,
} from '../src';

const { functional } = quantized;
const x = tensor([0, 1, -1]);
const range = { quantMin: 0, quantMax: 255 };
const ints = x.quantizePerTensor(0.1, 128, 'quint8');

/** What can't be a scale: its reciprocal overflows, or it isn't positive and finite. */
const wrong = [1e-39, 1e-45, 0, -1, Number.NaN, Number.POSITIVE_INFINITY];

describe.each(wrong)('the scale %d', (scale) => {
  test.each<[string, () => unknown]>([
    ['fakeQuantize', () => fakeQuantize(x, tensor([scale]), tensor([0], { dtype: 'int32' }), range)],
    [
      'fakeQuantize per channel',
      () => fakeQuantize(x, tensor([1, scale, 1]), floats([3], { dtype: 'int32' }), { ...range, axis: 0 }),
    ],
    ['learnableFakeQuantize', () => learnableFakeQuantize(x, tensor([scale]), tensor([0]), range)],
    ['add', () => functional.add(ints, ints, { scale, zeroPoint: 0 })],
    ['mul', () => functional.mul(ints, ints, { scale, zeroPoint: 0 })],
    ['cat', () => functional.cat([ints, ints], 0, { scale, zeroPoint: 0 })],
    ['the eps of an observer', () => new MinMaxObserver({ eps: scale })],
    ['the eps of a per-channel observer', () => new PerChannelMinMaxObserver({ eps: scale })],
    ['the eps of a histogram', () => new HistogramObserver({ eps: scale })],
    ['the eps of a fake quantizer', () => new FakeQuantize({ eps: scale })],
    ['the eps of a fused one', () => new FusedMovingAvgObsFakeQuantize({ eps: scale })],
    ['a fixed observer', () => new FixedQParamsObserver({ scale, zeroPoint: 0 })],
    ['an int8 module', () => new quantized.Quantize({ scale, zeroPoint: 0 })],
    [
      'an int8 layer',
      () =>
        new quantized.Linear(floats([2, 3]).quantizePerTensor(1, 0, 'qint8'), undefined, {
          scale,
          zeroPoint: 0,
        }),
    ],
  ])('is refused by %s', (_, fn) => {
    expect(fn).toThrow(QuantizationError);
    expect(fn).toThrow(/a finite scale > 0/);
  });

  test('is refused in a state dict, which changes nothing', () => {
    const module = new quantized.Quantize({ scale: 0.5, zeroPoint: 3 });
    expect(() => module.loadStateDict({ ...module.stateDict(), scale: tensor([scale]) })).toThrow(
      ModuleError,
    );
    expect(module.scale).toBe(0.5);
    const fake = new FakeQuantize();
    expect(() => fake.loadStateDict({ ...fake.stateDict(), scale: tensor([scale]) })).toThrow(
      /scale: expected a finite number > 0/,
    );
    expect([...fake.scale.dataSync()]).toEqual([1]);
  });
});

test('a product too small to be a scale is zero, one too large is refused', () => {
  for (const c of [0, 1e-38, -1e-40, 5e-324]) {
    const y = functional.mulScalar(ints, c);
    expect(y.qparams).toMatchObject({ scale: 1, zeroPoint: 0 });
    expect([...y.dequantize().dataSync()]).toEqual([0, 0, 0]);
  }
  for (const c of [1e40, Number.POSITIVE_INFINITY, Number.NaN])
    expect(() => functional.mulScalar(ints, c)).toThrow(QuantizationError);
});

test('zero points outside the range', () => {
  for (const z of [-1, 256]) {
    expect(() => fakeQuantize(x, tensor([1]), tensor([z], { dtype: 'int32' }), range)).toThrow(
      /zero points from 0 to 255, found (-1|256)/,
    );
    const module = new quantized.Quantize({ scale: 0.5, zeroPoint: 3 });
    const state = { ...module.stateDict(), zero_point: tensor([z], { dtype: 'int32' }) };
    expect(() => module.loadStateDict(state)).toThrow(/zero_point: expected one whole number from 0 to 255/);
    expect(() => new quantized.Quantize({ scale: 0.5, zeroPoint: z })).toThrow(QuantizationError);
  }
});
