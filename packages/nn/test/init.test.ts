import { ArgumentError, ShapeError } from '@octet/backend';
import { Generator, manualSeed, zeros } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import { Conv2d, Embedding, init, Linear, LSTM, skipInit } from '../src';

function spread(data: ArrayLike<number>) {
  const values = Array.from(data);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  return { min: Math.min(...values), max: Math.max(...values), mean, std };
}

const weight = () => zeros([40, 10, 5, 5]); // fan in 250, fan out 1000

describe('distributions', () => {
  test.each([
    ['uniform_', () => init.uniform_(weight(), -2, 4), 4, 6 / Math.sqrt(12), 1],
    ['kaimingUniform_', () => init.kaimingUniform_(weight()), Math.sqrt(6 / 250), Math.sqrt(2 / 250), 0],
    [
      'kaimingUniform_ by fan out, for tanh',
      () => init.kaimingUniform_(weight(), { mode: 'fanOut', nonlinearity: 'tanh' }),
      (5 / 3) * Math.sqrt(3 / 1000),
      (5 / 3) * Math.sqrt(1 / 1000),
      0,
    ],
    ['xavierUniform_', () => init.xavierUniform_(weight()), Math.sqrt(6 / 1250), Math.sqrt(2 / 1250), 0],
  ])('%s', (_, fill, bound, std, mean) => {
    const s = spread(fill().dataSync());
    expect(s.max).toBeLessThanOrEqual(bound);
    expect(s.max).toBeGreaterThan(0.99 * bound);
    expect(s.std / std).toBeCloseTo(1, 1);
    expect((s.mean - mean) / std).toBeCloseTo(0, 1);
  });

  test.each([
    ['normal_', () => init.normal_(weight(), 3, 2), 3, 2],
    ['kaimingNormal_', () => init.kaimingNormal_(weight(), { a: 1 }), 0, Math.sqrt(1 / 250)],
    ['xavierNormal_', () => init.xavierNormal_(weight(), { gain: 3 }), 0, 3 * Math.sqrt(2 / 1250)],
  ])('%s', (_, fill, mean, std) => {
    const s = spread(fill().dataSync());
    expect(s.std / std).toBeCloseTo(1, 1);
    expect((s.mean - mean) / std).toBeCloseTo(0, 1);
  });

  test('constants', () => {
    expect(init.ones_(zeros([2])).dataSync()).toEqual(Float32Array.of(1, 1));
    expect(init.constant_(zeros([2]), 5).dataSync()).toEqual(Float32Array.of(5, 5));
    expect(init.zeros_(init.ones_(zeros([1]))).dataSync()).toEqual(Float32Array.of(0));
  });

  test('a generator of one’s own gives the same numbers again', () => {
    const numbers = () => init.normal_(zeros([4]), 0, 1, { generator: new Generator(3) }).dataSync();
    expect(numbers()).toEqual(numbers());
  });
});

test('gains and fans', () => {
  expect(init.calculateGain('relu')).toBe(Math.SQRT2);
  expect(init.calculateGain('leakyRelu', Math.sqrt(5))).toBeCloseTo(Math.sqrt(1 / 3));
  expect(init.calculateFanInAndFanOut(weight())).toEqual({ fanIn: 250, fanOut: 1000 });
  expect(() => init.calculateFanInAndFanOut(zeros([3]))).toThrow(ShapeError);
  expect(() => init.calculateGain('selu' as 'relu')).toThrow(ArgumentError);
});

describe('layers start as PyTorch has them', () => {
  test('convolutions and linear layers: uniform in ±1/√fanIn', () => {
    const conv = new Conv2d(16, 64, 5, { groups: 4 });
    const linear = new Linear(100, 200);
    for (const [layer, fanIn] of [
      [conv, 100],
      [linear, 100],
    ] as const) {
      for (const p of layer.parameters()) {
        const s = spread(p.dataSync());
        expect(s.max).toBeLessThanOrEqual(1 / Math.sqrt(fanIn));
        expect(s.min).toBeLessThan(-0.9 / Math.sqrt(fanIn));
      }
    }
  });

  test('embeddings: standard normal, padding zero', () => {
    const data = new Embedding(100, 20, { paddingIdx: -1 }).weight.dataSync();
    expect(data.slice(-20).every((v) => v === 0)).toBe(true);
    expect(spread(data.slice(0, -20)).std).toBeCloseTo(1, 1);
  });

  test('LSTM: uniform in ±1/√hiddenSize', () => {
    for (const p of new LSTM(3, 64).parameters()) {
      const s = spread(p.dataSync());
      expect(s.max).toBeLessThanOrEqual(1 / 8);
      expect(s.min).toBeLessThan(-0.11);
    }
  });

  test('manualSeed makes them repeatable', () => {
    const make = () => {
      manualSeed(7);
      return new Linear(3, 3).weight.dataSync();
    };
    expect(make()).toEqual(make());
  });
});

describe('skipInit', () => {
  test('leaves weights zero and the generator where it was', () => {
    manualSeed(3);
    const { weight } = skipInit(() => new Linear(3, 5));
    expect(Array.from(weight.dataSync())).toEqual(new Array(15).fill(0));
    const after = new Linear(3, 5);
    manualSeed(3);
    expect(after.weight.dataSync()).toEqual(new Linear(3, 5).weight.dataSync());
  });

  test('ends with the function, also by an error', () => {
    expect(() =>
      skipInit(() => {
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(new Linear(3, 5).weight.dataSync()[0]).not.toBe(0);
  });
});
