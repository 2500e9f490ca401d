import { ArgumentError, DTypeError, ShapeError } from '@octet/backend';
import { describe, expect, test } from 'vitest';
import { add, clamp, div, fromData, maximum, mul, sub, type Tensor, tensor, where } from '../src';

const ints = (...values: number[]) => tensor(Int32Array.from(values));
const bools = (t: Tensor) => {
  expect(t.dtype).toBe('bool');
  return Array.from(t.dataSync(), Boolean);
};
const list = (t: Tensor) => Array.from(t.dataSync());

describe('comparisons', () => {
  const x = tensor([1, 2, Number.NaN, -0]);

  test('with tensors, numbers and NaN', () => {
    const y = tensor([2, 2, Number.NaN, 0]);
    expect(bools(x.eq(y))).toEqual([false, true, false, true]);
    expect(bools(x.ne(y))).toEqual([true, false, true, false]);
    expect(bools(x.lt(y))).toEqual([true, false, false, false]);
    expect(bools(x.le(y))).toEqual([true, true, false, true]);
    expect(bools(x.gt(1))).toEqual([false, true, false, false]);
    expect(bools(x.ge(1))).toEqual([true, true, false, false]);
  });

  test('broadcast', () => {
    const y = tensor([[1], [2]]).ge(tensor([1, 2, 3]));
    expect(y.shape).toEqual([2, 3]);
    expect(bools(y)).toEqual([true, false, false, true, true, false]);
  });

  test('of memory in another order', () => {
    const a = tensor([
      [1, 5],
      [3, 2],
    ]).transpose(0, 1);
    expect(
      bools(
        a.gt(
          tensor([
            [1, 3],
            [5, 1],
          ]),
        ),
      ),
    ).toEqual([false, false, false, true]);
  });

  test.each([
    ['fractions', 1.5, [false, true]],
    ['numbers beyond the dtype', 300, [false, false]],
    ['infinity', Number.NEGATIVE_INFINITY, [true, true]],
    ['whole numbers', 1, [false, true]],
  ] as const)('of bytes with %s', (_, bound, expected) => {
    expect(bools(tensor(Uint8Array.of(1, 2)).gt(bound))).toEqual(expected);
    expect(bools(ints(1, 2).gt(bound))).toEqual(expected);
  });

  test('of bool with true', () => {
    expect(bools(tensor([true, false]).eq(true))).toEqual([true, false]);
  });

  test('refuse mixed and quantized tensors', () => {
    expect(() => x.eq(ints(1, 2, 3, 4))).toThrow(DTypeError);
    expect(() => x.quantizePerTensor(1, 0, 'quint8').eq(1)).toThrow('dequantize()');
    expect(() => x.eq(tensor([1, 2]))).toThrow(ShapeError);
    expect(() => maximum(1, 2)).toThrow(ArgumentError);
  });
});

test('logical operations take any dtype', () => {
  const [a, b] = [tensor([true, true, false, false]), tensor([2, 0, Number.NaN, 0])];
  expect(bools(a.logicalAnd(b))).toEqual([true, false, false, false]);
  expect(bools(a.logicalOr(b))).toEqual([true, true, true, false]);
  expect(bools(a.logicalXor(b))).toEqual([false, true, true, false]);
  expect(bools(b.logicalNot())).toEqual([false, true, false, true]);
});

test('isnan, isinf, isfinite', () => {
  const x = tensor([1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  expect(bools(x.isnan())).toEqual([false, true, false, false]);
  expect(bools(x.isinf())).toEqual([false, false, true, true]);
  expect(bools(x.isfinite())).toEqual([true, false, false, false]);
  for (const [f, is] of [
    ['isnan', false],
    ['isinf', false],
    ['isfinite', true],
  ] as const)
    expect(bools(ints(1, -5)[f]())).toEqual([is, is]);
});

describe('where', () => {
  const mask = tensor([true, false]);

  test('of tensors and numbers, any dtype', () => {
    expect(list(where(mask, tensor([1, 2]), 0))).toEqual([1, 0]);
    expect(list(where(mask, 0, tensor([1, 2])))).toEqual([0, 2]);
    expect(list(tensor([1, 2]).where(mask, tensor([3, 4])))).toEqual([1, 4]);
    expect(list(where(mask, 1, Number.NEGATIVE_INFINITY))).toEqual([1, Number.NEGATIVE_INFINITY]);
    const bytes = where(mask, tensor(Uint8Array.of(1, 2)), 7);
    expect([bytes.dtype, ...list(bytes)]).toEqual(['uint8', 1, 7]);
    const wider = where(mask, ints(1, 2), 0.5);
    expect([wider.dtype, ...list(wider)]).toEqual(['float32', 1, 0.5]);
  });

  test('gives no NaN to the gradient of what was not chosen', () => {
    const x = tensor([1, 0], { requiresGrad: true });
    where(x.gt(0), x.log(), 0).sum().backward();
    // 0 · ∞ of the logarithm's own gradient: as in PyTorch, choose before taking it.
    expect(list(x.grad as Tensor)[0]).toBe(1);
    const y = tensor([1, Number.NaN], { requiresGrad: true });
    y.maskedFill(y.isnan(), 0).square().sum().backward();
    expect(list(y.grad as Tensor)).toEqual([2, 0]);
  });

  test('wants a mask of bool, and room for it', () => {
    expect(() => where(tensor([1, 0]), 1, 2)).toThrow("to('bool')");
    expect(() => tensor([1, 2]).maskedFill(fromData([1, 0, 1, 0], [2, 2], { dtype: 'bool' }), 0)).toThrow(
      'use where',
    );
  });
});

describe('int32', () => {
  const x = ints(7, -7, 2147483647);

  test('stays int32 with whole numbers, and wraps around', () => {
    for (const [y, expected] of [
      [x.add(1), [8, -6, -2147483648]],
      [add(1, x), [8, -6, -2147483648]],
      [sub(1, x), [-6, 8, -2147483646]],
      [x.rsub(1), [-6, 8, -2147483646]],
      [x.sub(x), [0, 0, 0]],
      [mul(x, 3), [21, -21, 2147483645]],
      [x.mul(x), [49, 49, 1]],
      [x.neg(), [-7, 7, -2147483647]],
      [x.abs(), [7, 7, 2147483647]],
      [x.square(), [49, 49, 1]],
      [maximum(x, 0), [7, 0, 2147483647]],
      [x.clamp(-1, 5), [5, -1, 5]],
      [x.clamp(), [7, -7, 2147483647]],
    ] as const) {
      expect(y.dtype).toBe('int32');
      expect(list(y)).toEqual(expected);
    }
  });

  test('powers and divisions', () => {
    const [a, b] = [ints(7, -7, 7, -7, 5), ints(2, 2, -2, -2, 0)];
    expect(list(a.floorDivide(b))).toEqual([3, -4, -4, 3, 0]);
    expect(list(a.remainder(b))).toEqual([1, 1, -1, -1, 0]);
    expect(list(a.fmod(b))).toEqual([1, -1, 1, -1, 0]);
    expect(list(a.pow(3))).toEqual([343, -343, 343, -343, 125]);
    expect(list(ints(3).pow(21))).toEqual([1870418611]);
    expect(list(ints(2, 1, -1).pow(-3))).toEqual([0, 1, -1]);
  });

  test('becomes float32 by fractions and divisions', () => {
    for (const [y, expected] of [
      [x.add(0.5), [7.5, -6.5, 2147483648]],
      [x.div(2), [3.5, -3.5, 1073741824]],
      [div(14, ints(7, 4)), [2, 3.5]],
      [x.div(ints(2, 2, 1)), [3.5, -3.5, 2147483648]],
    ] as const) {
      expect(y.dtype).toBe('float32');
      expect(list(y)).toEqual(expected);
    }
  });

  test('does not mix with floats', () => {
    expect(() => x.add(tensor([1, 2, 3]))).toThrow(DTypeError);
    expect(() => x.add(x, { clamp: [0, 6] })).toThrow('clamp');
    expect(() => clamp(tensor(Uint8Array.of(1)), 0, 1)).toThrow(DTypeError);
  });
});
