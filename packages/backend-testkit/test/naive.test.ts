// The fast loops against the definitions, written out as plainly as possible.
import type { AvgPoolAttrs, Clamped, Conv2dAttrs, PoolAttrs, TypedArray } from '@octet/backend';
import { describe, expect, it } from 'vitest';
import { chooseQparams } from '../../backend-js-reference/src/math/qparams';
import { kernelCases } from '../src/cases';
import { floats, output } from '../src/cases/case';
import { convShapes } from '../src/cases/conv';
import { run } from './run';

function expectClose(found: TypedArray, expected: ArrayLike<number>): void {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(found[i], expected[i])) continue;
    const allowed = 1e-5 + 1e-5 * Math.abs(expected[i]);
    if (!(Math.abs(found[i] - expected[i]) <= allowed)) {
      expect.fail(`element ${i} is ${found[i]}, expected ${expected[i]}`);
    }
  }
}

/** Rounds as IEEE's default mode does, by cases. */
function rint(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

const clamp = (x: number, min: number, max: number) => Math.min(Math.max(x, min), max);

interface Geometry {
  x: readonly number[];
  weight: readonly number[];
  y: readonly number[];
  attrs: Conv2dAttrs;
}

/** Every pair of an output and a weight with the input between them (undefined: padding). */
function eachProduct(
  { x, weight, y, attrs }: Geometry,
  visit: (xAt: number | undefined, weightAt: number, yAt: number, channel: number) => void,
): void {
  const [batch, height, width, channels] = x;
  const [outChannels, kernelHeight, kernelWidth, groupChannels] = weight;
  const [, outHeight, outWidth] = y;
  const { stride, padding, dilation, groups } = attrs;
  for (let n = 0; n < batch; n++) {
    for (let oh = 0; oh < outHeight; oh++) {
      for (let ow = 0; ow < outWidth; ow++) {
        for (let o = 0; o < outChannels; o++) {
          const group = Math.floor(o / (outChannels / groups));
          for (let kh = 0; kh < kernelHeight; kh++) {
            for (let kw = 0; kw < kernelWidth; kw++) {
              for (let c = 0; c < groupChannels; c++) {
                const h = oh * stride[0] - padding[0] + kh * dilation[0];
                const w = ow * stride[1] - padding[1] + kw * dilation[1];
                const inside = h >= 0 && h < height && w >= 0 && w < width;
                visit(
                  inside ? ((n * height + h) * width + w) * channels + group * groupChannels + c : undefined,
                  ((o * kernelHeight + kh) * kernelWidth + kw) * groupChannels + c,
                  ((n * outHeight + oh) * outWidth + ow) * outChannels + o,
                  o,
                );
              }
            }
          }
        }
      }
    }
  }
}

const size = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1);

describe('convolution', () => {
  it.each(kernelCases.conv2d())('conv2d: $name', (kernelCase) => {
    const { x, weight, bias } = kernelCase.inputs;
    const { y } = kernelCase.outputs;
    const geometry = { x: x.shape, weight: weight.shape, y: y.shape, attrs: kernelCase.attrs };
    const expected = Array.from({ length: size(y.shape) }, (_, i) => bias?.data[i % weight.shape[0]] ?? 0);
    eachProduct(geometry, (xAt, weightAt, yAt) => {
      if (xAt !== undefined) expected[yAt] += x.data[xAt] * weight.data[weightAt];
    });
    const [min, max] = kernelCase.attrs.clamp ?? [-Infinity, Infinity];
    expectClose(
      run('conv2d', kernelCase).y,
      expected.map((v) => clamp(v, min, max)),
    );
  });

  it.each(convShapes.map((shapes, i) => ({ ...shapes, i })))('backward: $name', (shapes) => {
    const input = kernelCases.conv2dBackwardInput()[shapes.i];
    const gradX = new Array<number>(size(shapes.x)).fill(0);
    eachProduct(shapes, (xAt, weightAt, yAt) => {
      if (xAt !== undefined) gradX[xAt] += input.inputs.gradY.data[yAt] * input.inputs.weight.data[weightAt];
    });
    expectClose(run('conv2dBackwardInput', input).gradX, gradX);

    const weight = kernelCases.conv2dBackwardWeight()[shapes.i];
    const gradWeight = new Array<number>(size(shapes.weight)).fill(0);
    eachProduct(shapes, (xAt, weightAt, yAt) => {
      if (xAt !== undefined)
        gradWeight[weightAt] += weight.inputs.gradY.data[yAt] * weight.inputs.x.data[xAt];
    });
    expectClose(run('conv2dBackwardWeight', weight).gradWeight, gradWeight);
  });

  it.each(kernelCases.qconv2d())('qconv2d: $name', (kernelCase) => {
    const { x, weight, bias } = kernelCase.inputs;
    const { y } = kernelCase.outputs;
    const { attrs } = kernelCase;
    const geometry = { x: x.shape, weight: weight.shape, y: y.shape, attrs };
    const channels = weight.shape[0];
    const of = (values: Int32Array | Float32Array, c: number) => values[values.length > 1 ? c : 0];
    const sums = Array.from({ length: size(y.shape) }, (_, i) => bias?.data[i % channels] ?? 0);
    eachProduct(geometry, (xAt, weightAt, yAt, c) => {
      // Padding is the zero point itself.
      const value = xAt === undefined ? attrs.xZeroPoint : x.data[xAt];
      sums[yAt] += (value - attrs.xZeroPoint) * (weight.data[weightAt] - of(attrs.weightZeroPoint, c));
    });
    const expected = sums.map((sum, i) => {
      const scaled = Math.fround(Math.fround(sum) * of(attrs.multiplier, i % channels));
      return clamp(rint(scaled) + attrs.yZeroPoint, attrs.clampMin, attrs.clampMax);
    });
    expect(Array.from(run('qconv2d', kernelCase).y)).toEqual(expected);
  });

  it('by groups of any number of channels', () => {
    const [stride, padding, dilation] = [
      [1, 2],
      [0, 1],
      [2, 1],
    ] as const;
    for (const groups of [1, 2, 5]) {
      for (const groupIn of [1, 2, 3, 8]) {
        for (const groupOut of [1, 2, 3, 8]) {
          const x = floats(groupIn, [2, 7, 8, groups * groupIn]);
          const weight = floats(groupOut, [groups * groupOut, 3, 2, groupIn]);
          const y = output('float32', [2, 3, 5, groups * groupOut]);
          const attrs = { stride, padding, dilation, groups };
          const expected = new Array<number>(size(y.shape)).fill(0);
          eachProduct({ x: x.shape, weight: weight.shape, y: y.shape, attrs }, (xAt, weightAt, yAt) => {
            if (xAt !== undefined) expected[yAt] += x.data[xAt] * weight.data[weightAt];
          });
          const found = run('conv2d', {
            ...{ name: '', tolerance: 'exact' },
            ...{ inputs: { x, weight }, outputs: { y }, attrs: attrs },
          });
          expectClose(found.y, expected);
        }
      }
    }
  });

  it('the int8 cases reach many output values, not only the ends', () => {
    const cases = kernelCases.qconv2d().filter(({ name }) => name.startsWith('3x3, one multiplier'));
    expect(new Set(cases.flatMap((c) => Array.from(run('qconv2d', c).y))).size).toBeGreaterThan(50);
  });
});

function bounded(values: readonly number[], { clamp: bounds = [-Infinity, Infinity] }: Clamped): number[] {
  return values.map((v) => clamp(v, bounds[0], bounds[1]));
}

describe('matrix products', () => {
  it.each(kernelCases.matmul())('matmul: $name', (kernelCase) => {
    const { a, b } = kernelCase.inputs;
    const { transposeA, transposeB } = kernelCase.attrs;
    const [batch, m, n] = kernelCase.outputs.y.shape;
    const k = a.shape[transposeA ? 1 : 2];
    const expected: number[] = [];
    for (let i = 0; i < batch; i++) {
      for (let r = 0; r < m; r++) {
        for (let c = 0; c < n; c++) {
          let sum = 0;
          for (let p = 0; p < k; p++) {
            const left = (a.shape[0] > 1 ? i * m * k : 0) + (transposeA ? p * m + r : r * k + p);
            const right = (b.shape[0] > 1 ? i * k * n : 0) + (transposeB ? c * k + p : p * n + c);
            sum += a.data[left] * b.data[right];
          }
          expected.push(sum);
        }
      }
    }
    expectClose(run('matmul', kernelCase).y, bounded(expected, kernelCase.attrs));
  });

  it.each(kernelCases.linear())('linear: $name', (kernelCase) => {
    const { x, weight, bias } = kernelCase.inputs;
    const [m, k] = x.shape;
    const [n] = weight.shape;
    const expected = Array.from({ length: m * n }, (_, at) => {
      const row = Math.floor(at / n);
      const column = at % n;
      let sum = bias?.data[column] ?? 0;
      for (let p = 0; p < k; p++) sum += x.data[row * k + p] * weight.data[column * k + p];
      return sum;
    });
    expectClose(run('linear', kernelCase).y, bounded(expected, kernelCase.attrs));
  });

  it.each(kernelCases.qlinear())('qlinear: $name', (kernelCase) => {
    const { x, weight, bias } = kernelCase.inputs;
    const { xZeroPoint, weightZeroPoint, multiplier, yZeroPoint, clampMin, clampMax } = kernelCase.attrs;
    const [m, k] = x.shape;
    const [n] = weight.shape;
    const expected = Array.from({ length: m * n }, (_, at) => {
      const row = Math.floor(at / n);
      const column = at % n;
      const zero = weightZeroPoint[weightZeroPoint.length > 1 ? column : 0];
      let sum = bias?.data[column] ?? 0;
      for (let p = 0; p < k; p++) {
        sum += (x.data[row * k + p] - xZeroPoint) * (weight.data[column * k + p] - zero);
      }
      const scaled = Math.fround(Math.fround(sum) * multiplier[multiplier.length > 1 ? column : 0]);
      return clamp(rint(scaled) + yZeroPoint, clampMin, clampMax);
    });
    expect(Array.from(run('qlinear', kernelCase).y)).toEqual(expected);
  });

  it.each(kernelCases.qlinearDynamic())('qlinearDynamic: $name', (kernelCase) => {
    const { x, weight, bias } = kernelCase.inputs;
    const { weightScale, weightZeroPoint, reduceRange } = kernelCase.attrs;
    const [m, k] = x.shape;
    const [n] = weight.shape;
    const most = reduceRange ? 127 : 255;
    const ends = [Math.min(0, ...x.data), Math.max(0, ...x.data)] as const;
    const { scale, zeroPoint } = chooseQparams(...ends, 0, most, false);
    const inverse = Math.fround(1 / scale);
    const integers = Array.from(x.data, (v) => clamp(rint(Math.fround(v * inverse)) + zeroPoint, 0, most));
    const expected = Array.from({ length: m * n }, (_, at) => {
      const row = Math.floor(at / n);
      const column = at % n;
      const channel = weightScale.length > 1 ? column : 0;
      let sum = 0;
      for (let p = 0; p < k; p++) {
        const w = weight.data[column * k + p] - weightZeroPoint[channel];
        sum += (integers[row * k + p] - zeroPoint) * w;
      }
      const product = Math.fround(Math.fround(sum) * Math.fround(scale * weightScale[channel]));
      return Math.fround(product + (bias?.data[column] ?? 0));
    });
    expect(Array.from(run('qlinearDynamic', kernelCase).y)).toEqual(expected);
  });
});

/** The elements of channel c under one window, in order, with their h · W + w; padding left out. */
function underWindow(
  data: TypedArray,
  [, height, width, channels]: readonly number[],
  { kernelSize, stride, padding, dilation }: PoolAttrs,
  [n, oh, ow, c]: readonly number[],
): { value: number; index: number }[] {
  const found: { value: number; index: number }[] = [];
  for (let kh = 0; kh < kernelSize[0]; kh++) {
    for (let kw = 0; kw < kernelSize[1]; kw++) {
      const h = oh * stride[0] - padding[0] + kh * dilation[0];
      const w = ow * stride[1] - padding[1] + kw * dilation[1];
      if (h < 0 || h >= height || w < 0 || w >= width) continue;
      found.push({ value: data[((n * height + h) * width + w) * channels + c], index: h * width + w });
    }
  }
  return found;
}

function eachPosition<T>(
  [batch, height, width, channels]: readonly number[],
  make: (at: number[]) => T,
): T[] {
  const made: T[] = [];
  for (let n = 0; n < batch; n++) {
    for (let h = 0; h < height; h++) {
      for (let w = 0; w < width; w++) for (let c = 0; c < channels; c++) made.push(make([n, h, w, c]));
    }
  }
  return made;
}

describe('pools', () => {
  it.each(kernelCases.maxPool2d())('maxPool2d: $name', (kernelCase) => {
    const { x } = kernelCase.inputs;
    const found = run('maxPool2d', kernelCase);
    const best = eachPosition(kernelCase.outputs.y.shape, (at) =>
      underWindow(x.data, x.shape, kernelCase.attrs, at).reduce((a, b) =>
        b.value > a.value || Number.isNaN(b.value) ? b : a,
      ),
    );
    expect(Array.from(found.y)).toEqual(best.map(({ value }) => value));
    expect(Array.from(found.indices)).toEqual(best.map(({ index }) => index));
  });

  it.each(kernelCases.qmaxPool2d())('qmaxPool2d: $name', (kernelCase) => {
    const { x } = kernelCase.inputs;
    const best = eachPosition(kernelCase.outputs.y.shape, (at) =>
      Math.max(...underWindow(x.data, x.shape, kernelCase.attrs, at).map(({ value }) => value)),
    );
    expect(Array.from(run('qmaxPool2d', kernelCase).y)).toEqual(best);
  });

  /** Sum and divisor of one window of an average pool. */
  function average(
    x: { data: TypedArray; shape: readonly number[] },
    attrs: AvgPoolAttrs,
    at: readonly number[],
    zeroPoint: number,
  ) {
    const { kernelSize, stride, padding, countIncludePad } = attrs;
    const inside = underWindow(x.data, x.shape, { ...attrs, dilation: [1, 1] }, at);
    const sum = inside.reduce((total, { value }) => total + value - zeroPoint, 0);
    // A window of ceil mode ends where the padding does.
    const extent = (axis: 0 | 1) => {
      const from = at[axis + 1] * stride[axis] - padding[axis];
      return Math.min(kernelSize[axis], x.shape[axis + 1] + padding[axis] - from);
    };
    return { sum, count: countIncludePad ? extent(0) * extent(1) : inside.length };
  }

  it.each(kernelCases.avgPool2d())('avgPool2d: $name', (kernelCase) => {
    const expected = eachPosition(kernelCase.outputs.y.shape, (at) => {
      const { sum, count } = average(kernelCase.inputs.x, kernelCase.attrs, at, 0);
      return sum / count;
    });
    expectClose(run('avgPool2d', kernelCase).y, expected);
  });

  it.each(kernelCases.qavgPool2d())('qavgPool2d: $name', (kernelCase) => {
    const { x } = kernelCase.inputs;
    const { zeroPoint, scale } = kernelCase.attrs;
    const [min, max] = x.dtype === 'int8' ? [-128, 127] : [0, 255];
    const expected = eachPosition(kernelCase.outputs.y.shape, (at) => {
      const { sum, count } = average(x, kernelCase.attrs, at, zeroPoint);
      return clamp(
        rint(Math.fround(sum * Math.fround(scale / Math.fround(scale * count)))) + zeroPoint,
        min,
        max,
      );
    });
    expect(Array.from(run('qavgPool2d', kernelCase).y)).toEqual(expected);
  });

  it('gradients of pools sum to what came in', () => {
    const total = (data: TypedArray) => Array.from(data).reduce((sum, v) => sum + v, 0);
    for (const kernelCase of kernelCases.maxPool2dBackward()) {
      const { gradX } = run('maxPool2dBackward', kernelCase);
      expect(total(gradX)).toBeCloseTo(total(kernelCase.inputs.gradY.data), 4);
    }
    for (const kernelCase of kernelCases.adaptiveAvgPool2dBackward()) {
      const { gradX } = run('adaptiveAvgPool2dBackward', kernelCase);
      expect(total(gradX)).toBeCloseTo(total(kernelCase.inputs.gradY.data), 4);
    }
  });
});
