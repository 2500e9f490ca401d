import { fromData } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import { compare, compareOutputs, type Rule } from '../src/compare';
import type { HostTensor } from '../src/fixture';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

function host(values: number[], shape: number[] = [values.length]): HostTensor {
  return { dtype: 'F32', shape, data: Float32Array.from(values) };
}

function check(got: number[], expected: number[], rule: Rule) {
  return compare({ shape: undefined, data: got }, host(expected), rule);
}

describe('exact', () => {
  test('takes equal elements, infinities and NaN among them', () => {
    expect(check([0, -0, inf, -inf, nan], [-0, 0, inf, -inf, nan], 'exact')).toBeUndefined();
  });

  test.each([
    [1, 1.0000001192092896],
    [inf, -inf],
    [0, nan],
    [nan, 0],
    [nan, inf],
  ])('refuses %d for %d', (got, expected) => {
    expect(check([got], [expected], 'exact')).toMatch(/1 of 1 miss/);
  });
});

describe('atol and rtol', () => {
  const rule = { atol: 0.1, rtol: 0.01 };

  test('add up', () => {
    expect(check([101.09, -101.09], [100, -100], rule)).toBeUndefined();
    expect(check([101.11], [100], rule)).toBeDefined();
  });

  test.each([
    [1e30, inf],
    [inf, 1e30],
    [nan, 0],
    [0, nan],
    [-inf, inf],
  ])('refuse %d for %d', (got, expected) => {
    expect(check([got], [expected], { atol: 1e38, rtol: 1 })).toBeDefined();
  });
});

describe('outliers', () => {
  const rule = { atol: 0, rtol: 0, max_outlier_fraction: 0.25, outlier_atol: 1 };

  test('may be a fraction of the elements', () => {
    expect(check([0, 0, 0, 1], [0, 0, 0, 0], rule)).toBeUndefined();
    expect(check([0, 0, 1, 1], [0, 0, 0, 0], rule)).toMatch(/at \[2\]; 2 of 4 miss, worst by 1 /);
  });

  test('may not be far off, or infinite, or NaN', () => {
    for (const bad of [1.5, inf, nan]) expect(check([0, 0, 0, bad], [0, 0, 0, 0], rule)).toMatch(/at \[3\]/);
  });
});

test('integers may differ a little in a few places', () => {
  const rule = { max_int_diff: 1, max_fraction: 0.5 };
  expect(check([1, 2, 3, 5], [1, 2, 3, 4], rule)).toBeUndefined();
  expect(check([1, 2, 3, 6], [1, 2, 3, 4], rule)).toMatch(/expected 4, got 6 at \[3\]/);
  expect(check([1, 3, 4, 5], [1, 2, 3, 4], rule)).toMatch(/3 of 4 miss/);
});

describe('shapes', () => {
  const expected = host([1, 2, 3, 4, 5, 6], [2, 3]);

  test('must be equal', () => {
    const shaped = (shape: number[]) => compare({ shape, data: expected.data }, expected, 'exact');
    expect(shaped([2, 3])).toBeUndefined();
    expect(shaped([3, 2])).toBe('expected shape [2,3], got [3,2]');
    expect(shaped([6])).toBe('expected shape [2,3], got [6]');
  });

  test('may be left out, but not the length', () => {
    expect(compare({ shape: undefined, data: [1, 2, 3, 4, 5, 6] }, expected, 'exact')).toBeUndefined();
    expect(compare({ shape: undefined, data: [1, 2] }, expected, 'exact')).toMatch(/got 2 numbers/);
  });

  test('[] and [1] stand for each other', () => {
    expect(compare({ shape: [], data: [1] }, host([1], [1]), 'exact')).toBeUndefined();
    expect(compare({ shape: [1], data: [1] }, host([1], []), 'exact')).toBeUndefined();
    expect(compare({ shape: [1, 1], data: [1] }, host([1], [1]), 'exact')).toBeDefined();
  });

  test('a wrong element is placed in its shape', () => {
    expect(compare({ shape: [2, 3], data: [1, 2, 3, 4, 0, 6] }, expected, 'exact')).toMatch(
      /expected 5, got 0 at \[1,1\]; 1 of 6 miss, worst by 5 \("exact"\)/,
    );
  });
});

describe('outputs', () => {
  const expected = { a: host([1, 2]), b: host([3], []) };

  test('may be tensors, numbers and arrays', async () => {
    expect(await compareOutputs({ a: fromData([1, 2], [2]), b: 3 }, expected, { '*': 'exact' })).toEqual([]);
    expect(
      await compareOutputs({ a: [1, 2], b: { shape: [], data: [3] } }, expected, { '*': 'exact' }),
    ).toEqual([]);
  });

  test('must all be there; others are ignored', async () => {
    expect(await compareOutputs({ a: [1, 2], c: 1 }, expected, { '*': 'exact' })).toEqual([
      'b: not produced',
    ]);
  });

  test('need a rule', async () => {
    await expect(compareOutputs({ a: [1, 2], b: 3 }, expected, { 'out.a': 'exact' })).rejects.toThrow(
      /'out.b'/,
    );
  });

  test('say whether the relaxed tolerance holds', async () => {
    const strict = { '*': 'exact' } as const;
    const relaxed = { 'out.b': { atol: 1, rtol: 0 } };
    const problems = await compareOutputs({ a: [1, 1], b: 4 }, expected, strict, relaxed);
    expect(problems[0]).not.toMatch(/relaxed/);
    expect(problems[1]).toMatch(/relaxed tolerance holds/);
  });
});
