import { describe, expect, it } from 'vitest';
import {
  allDTypes,
  bytesPerElement,
  convGeometry,
  hostArray,
  isDepthwise,
  isFloatDType,
  isPointwise,
  isQuantizedDType,
  mergeAxes,
  profiles,
  quantizeNumber,
  quantRange,
  roundHalfEven,
  storageDType,
} from '../src';

describe('roundHalfEven', () => {
  it.each([
    [0.5, 0],
    [1.5, 2],
    [2.5, 2],
    [-0.5, 0],
    [-1.5, -2],
    [-2.5, -2],
    [0.49999999999999994, 0],
    [2 ** 31 + 0.5, 2 ** 31],
    [2 ** 31 + 1.5, 2 ** 31 + 2],
    [-(2 ** 31) - 0.5, -(2 ** 31)],
    [Infinity, Infinity],
    [-Infinity, -Infinity],
  ])('%d is %d', (x, expected) => {
    expect(roundHalfEven(x) + 0).toBe(expected);
  });

  it('keeps NaN', () => {
    expect(roundHalfEven(Number.NaN)).toBeNaN();
  });
});

describe('quantizeNumber', () => {
  it('rounds before the zero point is added', () => {
    expect([0.5, 1.5, 2.5].map((x) => quantizeNumber(x, 1, 7))).toEqual([7, 9, 9]);
  });

  it('multiplies by the float32 reciprocal', () => {
    const x = Math.fround(7.5 * Math.fround(0.0371));
    const quotient = roundHalfEven(Math.fround(x / Math.fround(0.0371))) + 3;
    expect(quantizeNumber(x, 0.0371, 3)).not.toBe(quotient);
    expect(quantizeNumber(x, 0.0371, 3)).toBe(
      roundHalfEven(Math.fround(x * Math.fround(1 / Math.fround(0.0371)))) + 3,
    );
  });
});

describe('dtypes', () => {
  it.each(allDTypes)('%s has a storage dtype, an array and a size', (dtype) => {
    const array = hostArray(dtype, 3);
    expect(array).toHaveLength(3);
    expect(array.BYTES_PER_ELEMENT).toBe(bytesPerElement(dtype));
    expect(array.constructor).toBe(hostArray(storageDType(dtype), 0).constructor);
    expect(isFloatDType(dtype)).toBe(dtype.startsWith('float'));
    expect(isQuantizedDType(dtype)).toBe(dtype.startsWith('q'));
  });

  it('quantized ranges fit their arrays', () => {
    for (const [dtype, range] of Object.entries(quantRange)) {
      const array = hostArray(dtype as 'quint8', 2);
      array.set(range);
      expect(Array.from(array)).toEqual(range);
    }
  });
});

describe('profiles', () => {
  it('training contains inference-float, and all have what moves and quantizes', () => {
    expect(profiles.training).toEqual(expect.arrayContaining([...profiles['inference-float']]));
    for (const kernels of Object.values(profiles)) {
      expect(kernels).toEqual(
        expect.arrayContaining(['fill', 'cast', 'copyStrided', 'quantize', 'dequantize']),
      );
      expect(new Set(kernels).size).toBe(kernels.length);
    }
  });
});

const attrs = { stride: [2, 3], padding: [1, 2], dilation: [4, 5], groups: 2 } as const;

describe('geometry', () => {
  it('names every size of a convolution', () => {
    const g = convGeometry(
      { shape: [3, 7, 8, 6] },
      { shape: [10, 2, 4, 3] },
      { shape: [3, 5, 9, 10] },
      attrs,
    );
    expect(g).toMatchObject({ batch: 3, inHeight: 7, inWidth: 8, inChannels: 6, outHeight: 5, outWidth: 9 });
    expect(g).toMatchObject({ strideHeight: 2, strideWidth: 3, padHeight: 1, padWidth: 2 });
    expect(g).toMatchObject({ dilationHeight: 4, dilationWidth: 5, groupIn: 3, groupOut: 5 });
    expect(g).toMatchObject({ patchSize: 24, rows: 135, outChannels: 10, kernelHeight: 2, kernelWidth: 4 });
  });

  const plain = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 } as const;
  const images = { shape: [1, 4, 4, 6] };
  const of = (weight: number[], change: object) =>
    convGeometry(images, { shape: weight }, { shape: [1, 4, 4, weight[0]] }, { ...plain, ...change });

  it('depthwise: a group for every channel, one output each', () => {
    expect(isDepthwise(of([6, 3, 3, 1], { groups: 6 }))).toBe(true);
    expect(isDepthwise(of([12, 3, 3, 1], { groups: 6 }))).toBe(false);
    expect(isDepthwise(of([6, 3, 3, 6], {}))).toBe(false);
  });

  it('pointwise: nothing but the channels of its own position', () => {
    expect(isPointwise(of([5, 1, 1, 6], {}))).toBe(true);
    for (const change of [{ stride: [1, 2] }, { stride: [2, 1] }, { padding: [1, 0] }, { padding: [0, 1] }]) {
      expect(isPointwise(of([5, 1, 1, 6], change))).toBe(false);
    }
    expect(isPointwise(of([6, 1, 1, 3], { groups: 2 }))).toBe(false);
    expect(isPointwise(of([5, 1, 2, 6], {}))).toBe(false);
  });

  it('mergeAxes makes as few loops as can be, of the same copies', () => {
    const copy = { xOffset: 0, yOffset: 0 };
    expect(mergeAxes({ ...copy, shape: [2, 3, 4], xStrides: [12, 4, 1], yStrides: [12, 4, 1] })).toEqual([
      { length: 24, xStride: 1, yStride: 1 },
    ]);
    expect(mergeAxes({ ...copy, shape: [2, 1, 4], xStrides: [1, 9, 2], yStrides: [4, 9, 1] })).toEqual([
      { length: 2, xStride: 1, yStride: 4 },
      { length: 4, xStride: 2, yStride: 1 },
    ]);
    expect(mergeAxes({ ...copy, shape: [1], xStrides: [1], yStrides: [1] })).toEqual([]);
  });
});
