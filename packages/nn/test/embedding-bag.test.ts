import { ArgumentError, ShapeError } from '@octet/backend';
import { tensor } from '@octet/tensor';
import { expect, test } from 'vitest';
import { EmbeddingBag } from '../src';

const ints = (values: number[] | number[][]) => tensor(values, { dtype: 'int32' });

test('bags without indices are zeros', () => {
  const bag = new EmbeddingBag(4, 3);
  expect(
    Array.from(
      bag
        .call(ints([1, 2]), ints([0, 0, 2]))
        .dataSync()
        .slice(6),
    ),
  ).toEqual([0, 0, 0]);
  expect(bag.call(ints([]), ints([])).shape).toEqual([0, 3]);
  expect(Object.keys(bag.stateDict())).toEqual(['weight']);
  expect(String(bag)).toBe('EmbeddingBag(4, 3, mode=mean)');
});

test('what does not fit is refused', () => {
  const bag = new EmbeddingBag(4, 3);
  expect(() => bag.call(ints([1, 2]))).toThrow(ShapeError);
  expect(() => bag.call(ints([[1, 2]]), ints([0]))).toThrow(ShapeError);
  expect(() => bag.call(ints([1, 2]), ints([0, 2, 1]))).toThrow(ArgumentError);
  expect(() => bag.call(ints([1, 2]), ints([1]))).toThrow(ArgumentError);
  expect(() => bag.call(ints([1, 2]), ints([0, 3]))).toThrow(ArgumentError);
  expect(() => bag.call(ints([[1, 2]]), undefined, tensor([[1, 2]]))).toThrow(/mode 'sum'/);
  expect(() => bag.call(ints([[4, 2]]))).toThrow(ArgumentError);
  expect(() => new EmbeddingBag(4, 3, { mode: 'least' as never })).toThrow(ArgumentError);
});
