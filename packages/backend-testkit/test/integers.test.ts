// Numbers worked out by hand from the formulas of docs/numerics.md.
import { describe, expect, it } from 'vitest';
import { full, output, tensor } from '../src/cases/case';
import { run } from './run';

const exact = { name: '', tolerance: 'exact' } as const;

describe('quantize', () => {
  const quantize = (values: number[], scale: number, zeroPoint: number) =>
    Array.from(
      run('quantize', {
        ...exact,
        inputs: { x: tensor('float32', [1, 1, values.length], values) },
        outputs: { y: output('uint8', [1, 1, values.length]) },
        attrs: {
          scale: Float32Array.of(scale),
          zeroPoint: Int32Array.of(zeroPoint),
          quantMin: 0,
          quantMax: 255,
        },
      }).y,
    );

  it('rounds half to even before the zero point is added', () => {
    expect(quantize([0.25, 0.75, 1.25, -0.25, -0.75], 0.5, 101)).toEqual([101, 103, 103, 101, 99]);
  });

  it('saturates', () => {
    expect(quantize([Infinity, -Infinity, 1e30, -1e30], 0.1, 7)).toEqual([255, 0, 255, 0]);
  });
});

describe('qadd', () => {
  it('rounds half away from zero', () => {
    // A = B = 1/2: sums of 1, 3, -1 and -3 are ±0.5 and ±1.5 away from the zero point.
    const { y } = run('qadd', {
      ...exact,
      inputs: { a: tensor('uint8', [4], [11, 12, 9, 8]), b: tensor('uint8', [4], [20, 21, 20, 19]) },
      outputs: { y: output('uint8', [4]) },
      attrs: {
        aMultiplier: 2 ** 20,
        bMultiplier: 2 ** 20,
        shift: 21,
        aZeroPoint: 10,
        bZeroPoint: 20,
        yZeroPoint: 100,
        clampMin: 0,
        clampMax: 255,
      },
    });
    expect(Array.from(y)).toEqual([101, 102, 99, 98]);
  });
});

describe('qmul', () => {
  it('rounds half to even and clamps', () => {
    const { y } = run('qmul', {
      ...exact,
      inputs: { a: tensor('uint8', [4], [11, 13, 9, 255]), b: tensor('uint8', [4], [5, 5, 5, 255]) },
      outputs: { y: output('uint8', [4]) },
      attrs: {
        multiplier: 0.1,
        aZeroPoint: 10,
        bZeroPoint: 0,
        yZeroPoint: 3,
        clampMin: 3,
        clampMax: 255,
      },
    });
    // 0.5 → 0, 1.5 → 2, -0.5 → 0 (below the clamp nothing to do), and far above.
    expect(Array.from(y)).toEqual([3, 5, 3, 255]);
  });
});

describe('average pools', () => {
  it('round the mean distance from the zero point half to even', () => {
    const pool = (values: number[], zeroPoint: number) =>
      run('qavgPool2d', {
        ...exact,
        inputs: { x: tensor('uint8', [1, 2, 2, 1], values) },
        outputs: { y: output('uint8', [1, 1, 1, 1]) },
        attrs: {
          kernelSize: [2, 2],
          stride: [2, 2],
          padding: [0, 0],
          countIncludePad: true,
          zeroPoint,
          scale: 1,
        },
      }).y[0];
    // The mean is 10.5: 0.5 from 10, 5.5 from 5.
    expect(pool([10, 11, 10, 11], 10)).toBe(10);
    expect(pool([10, 11, 10, 11], 5)).toBe(11);
    expect(pool([10, 11, 10, 11], 11)).toBe(11);
  });

  it('multiply by f32(S / f32(S · n)), as QNNPACK: a tie falls as the scale says', () => {
    const pool = (scale: number) =>
      run('qadaptiveAvgPool2d', {
        ...exact,
        inputs: { x: tensor('uint8', [1, 2, 3, 1], [1, 2, 3, 4, 5, 6]) },
        outputs: { y: output('uint8', [1, 1, 1, 1]) },
        attrs: { zeroPoint: 0, scale: Math.fround(scale) },
      }).y[0];
    // The mean is 3.5. f32(1 / 6) is a little more than a sixth, f32(1.6 / f32(9.6)) a little less.
    expect(pool(1)).toBe(4);
    expect(pool(1.6)).toBe(3);
  });
});

describe('qparams', () => {
  const ranges = (...pairs: [number, number][]) => ({
    inputs: {
      minVal: tensor(
        'float32',
        [pairs.length],
        pairs.map(([min]) => min),
      ),
      maxVal: tensor(
        'float32',
        [pairs.length],
        pairs.map(([, max]) => max),
      ),
    },
    outputs: { scale: output('float32', [pairs.length]), zeroPoint: output('int32', [pairs.length]) },
  });

  it('calculateQparams, affine', () => {
    const { scale, zeroPoint } = run('calculateQparams', {
      ...exact,
      ...ranges([-1, 3], [0.5, 3.25], [-2, -1], [0, 0]),
      attrs: { quantMin: 0, quantMax: 255, symmetric: false, symmetricZeroPoint: 128, eps: 2 ** -23 },
    });
    expect(Array.from(scale)).toEqual([4 / 255, 3.25 / 255, 2 / 255, 2 ** -23].map(Math.fround));
    expect(Array.from(zeroPoint)).toEqual([64, 0, 255, 0]);
  });

  it('calculateQparams, symmetric', () => {
    const { scale, zeroPoint } = run('calculateQparams', {
      ...exact,
      ...ranges([-1, 3], [-2, 1]),
      attrs: { quantMin: -128, quantMax: 127, symmetric: true, symmetricZeroPoint: 0, eps: 2 ** -23 },
    });
    expect(Array.from(scale)).toEqual([3 / 127.5, 2 / 127.5].map(Math.fround));
    expect(Array.from(zeroPoint)).toEqual([0, 0]);
  });

  it('chooseQparams, symmetric: 128 steps below, 127 above, and affine where the range has one side', () => {
    const { scale, zeroPoint } = run('chooseQparams', {
      ...exact,
      ...ranges([-1, 1], [-2, 1], [0.5, 2.55], [0, 0], [-1e-6, 0]),
      attrs: { quantMin: -128, quantMax: 127, symmetric: true },
    });
    const expected = [1 / 127, 2 / 128, 2.55 / 255, 0.1, 6.1e-5];
    scale.forEach((s, i) => {
      expect(s).toBeCloseTo(expected[i], 8);
    });
    expect(Array.from(zeroPoint)).toEqual([0, 0, -128, 127, 127]);
  });
});

describe('observeMinMax', () => {
  const observe = (averagingConstant: number | null, min: number, max: number) => {
    const { minVal, maxVal } = run('observeMinMax', {
      ...exact,
      inputs: { x: tensor('float32', [1, 1, 3], [-2, 0, 4]) },
      outputs: { minVal: full('float32', [1], min), maxVal: full('float32', [1], max) },
      attrs: { averagingConstant },
    });
    return [minVal[0], maxVal[0]];
  };

  it('keeps the widest range', () => {
    expect(observe(null, Infinity, -Infinity)).toEqual([-2, 4]);
    expect(observe(null, -3, 1)).toEqual([-3, 4]);
  });

  it('moves towards the batch, from nothing at once', () => {
    expect(observe(0.25, Infinity, -Infinity)).toEqual([-2, 4]);
    expect(observe(0.25, -4, 8)).toEqual([-3.5, 7]);
  });
});
