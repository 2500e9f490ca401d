import { ArgumentError, ShapeError } from '@octet/backend';
import { arange, ones, randn, tensor } from '@octet/tensor';
import { expect, test } from 'vitest';
import { Dropout1d, Dropout2d, Softmax2d, Softmin, Unflatten } from '../src';

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
