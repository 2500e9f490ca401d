import { describe, expect, it } from 'vitest';
import { roundHalfAway, roundHalfEven } from '../src';

describe('roundHalfEven', () => {
  it.each([
    [0, 0],
    [0.5, 0],
    [0.50000001, 1],
    [0.49999999999999994, 0],
    [1.5, 2],
    [2.5, 2],
    [3.5, 4],
    [-0.5, 0],
    [-1.5, -2],
    [-2.5, -2],
    [-2.500001, -3],
    [126.5, 126],
    [127.5, 128],
    [4194304.5, 4194304],
    [2147483647.5, 2147483648],
    [2 ** 50 + 1, 2 ** 50 + 1],
    [-(2 ** 50) - 1, -(2 ** 50) - 1],
    [Infinity, Infinity],
    [-Infinity, -Infinity],
  ])('%d becomes %d', (x, expected) => {
    expect(roundHalfEven(x) + 0).toBe(expected);
  });

  it('agrees with its definition everywhere between', () => {
    for (let x = -300; x <= 300; x += 1 / 16) {
      const floor = Math.floor(x);
      const expected = x - floor === 0.5 ? floor + (floor & 1) : Math.round(x);
      expect(roundHalfEven(x) + 0).toBe(expected + 0);
    }
  });

  it('keeps NaN', () => {
    expect(roundHalfEven(Number.NaN)).toBeNaN();
  });
});

describe('roundHalfAway', () => {
  it.each([
    [0.5, 1],
    [0.49999999999999994, 0],
    [1.5, 2],
    [2.5, 3],
    [-0.5, -1],
    [-0.49999999999999994, 0],
    [-1.5, -2],
    [-2.5, -3],
    [-2.4999, -2],
    [2147483647.5, 2147483648],
    [-2147483647.5, -2147483648],
  ])('%d becomes %d', (x, expected) => {
    expect(roundHalfAway(x) + 0).toBe(expected);
  });
});
