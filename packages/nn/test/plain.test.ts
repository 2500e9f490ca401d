import { ArgumentError, ShapeError } from '@octet/backend';
import { arange, ones, randn, tensor } from '@octet/tensor';
import { expect, test } from 'vitest';
import {
  ChannelShuffle,
  Dropout1d,
  Dropout2d,
  PixelShuffle,
  PixelUnshuffle,
  Softmax2d,
  Softmin,
  Unflatten,
} from '../src';

test('Dropout1d and Dropout2d drop whole channels and make up for them; nothing in evaluation', () => {
  for (const [layer, rest] of [
    [new Dropout1d(0.25), [3]],
    [new Dropout2d(0.25), [2, 2]],
  ] as const) {
    const x = ones([50, 60, ...rest]);
    const y = layer.call(x).reshape([3000, -1]);
    const first = y.select(1, 0).dataSync();
    for (let i = 1; i < y.size(1); i++) expect(y.select(1, i).dataSync()).toEqual(first);
    expect(new Set(first)).toEqual(new Set([0, Math.fround(4 / 3)]));
    expect(Math.abs(first.filter((v) => v === 0).length / 3000 - 0.25)).toBeLessThan(0.04);
    expect(layer.eval().call(x)).toBe(x);
  }
  expect(() => new Dropout2d(2)).toThrow(ArgumentError);
  expect(() => new Dropout2d().call(ones([2, 3]))).toThrow(ShapeError);
  expect(() => new Dropout1d().call(ones([2, 3]))).toThrow('Dropout1d');
});

test('Softmin is the softmax of the negative; Softmax2d goes over channels', () => {
  const y = new Softmin(0).call(tensor([0, Math.log(3)]));
  expect(y.dataSync()[0]).toBeCloseTo(0.75, 6);
  expect(y.dataSync()[1]).toBeCloseTo(0.25, 6);
  const x = randn([2, 3, 4, 5]);
  expect(new Softmax2d().call(x).dataSync()).toEqual(x.softmax(1).dataSync());
  expect(new Softmax2d().call(x.select(0, 1)).dataSync()).toEqual(x.select(0, 1).softmax(0).dataSync());
  expect(() => new Softmax2d().call(ones([2, 3]))).toThrow(ShapeError);
});

test('Unflatten splits a dim', () => {
  const x = arange(24).reshape([2, 12]);
  expect(new Unflatten(1, [3, 4]).call(x).shape).toEqual([2, 3, 4]);
  const y = new Unflatten(-1, [2, -1, 3]).call(x);
  expect(y.shape).toEqual([2, 2, 2, 3]);
  expect(y.dataSync()).toEqual(x.dataSync());
  expect(() => new Unflatten(1, [5, 2]).call(x)).toThrow('a dim 1 of [5, 2] elements');
  expect(() => new Unflatten(1, [5, -1]).call(x)).toThrow(ShapeError);
  expect(() => new Unflatten(3, [1]).call(x)).toThrow(ShapeError);
  expect(() => new Unflatten(1, [-1, -1])).toThrow(ArgumentError);
});

/** PyTorch 2.13 on torch.arange. */
test.each([
  [new PixelShuffle(2), [1, 4, 2, 2], [1, 1, 4, 4], [0, 4, 1, 5, 8, 12, 9, 13, 2, 6, 3, 7, 10, 14, 11, 15]],
  [new PixelUnshuffle(2), [1, 1, 4, 4], [1, 4, 2, 2], [0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15]],
  [new ChannelShuffle(2), [1, 6, 1, 1], [1, 6, 1, 1], [0, 3, 1, 4, 2, 5]],
])('%s moves elements as PyTorch, integers too', (layer, from, to, expected) => {
  const x = arange(from.reduce((a, b) => a * b, 1)).reshape(from);
  const y = layer.call(x);
  expect([y.shape, [...y.dataSync()]]).toEqual([to, expected]);
  const q = layer.call(x.quantizePerTensor(1, 0, 'quint8'));
  expect([q.isQuantized, [...q.dequantize().dataSync()]]).toEqual([true, expected]);
});

test('shuffles refuse bad factors, and channels that don\u2019t fit', () => {
  expect(() => new PixelShuffle(0)).toThrow('upscaleFactor');
  expect(() => new PixelUnshuffle(1.5)).toThrow('downscaleFactor');
  expect(() => new ChannelShuffle(-1)).toThrow('groups');
  expect(() => new PixelShuffle(2).call(ones([1, 3, 2, 2]))).toThrow(ShapeError);
  expect(() => new PixelUnshuffle(2).call(ones([1, 1, 3, 2]))).toThrow(ShapeError);
  expect(() => new ChannelShuffle(2).call(ones([1, 3, 2, 2]))).toThrow(ShapeError);
});
