import type { AvgPoolAttrs, PoolAttrs, QAverageAttrs, StorageDType } from '@octet/backend';
import { at, indices, size, sumOf } from './array';
import { arrayOf, type Definitions, define, type HostArray } from './definition';
import { clamp, rint } from './rounding';

interface Element {
  readonly value: number;
  /** h · W + w */
  readonly index: number;
}

/** The elements under the window of the output at [n, oh, ow, c], row by row; padding left out. */
function underWindow(
  x: HostArray,
  { kernelSize, stride, padding, dilation }: PoolAttrs,
  [n, oh, ow, c]: readonly number[],
): Element[] {
  const [, height, width] = x.shape;
  const found: Element[] = [];
  for (let kh = 0; kh < kernelSize[0]; kh++) {
    for (let kw = 0; kw < kernelSize[1]; kw++) {
      const h = oh * stride[0] - padding[0] + kh * dilation[0];
      const w = ow * stride[1] - padding[1] + kw * dilation[1];
      if (h < 0 || h >= height || w < 0 || w >= width) continue;
      found.push({ value: at(x, [n, h, w, c]), index: h * width + w });
    }
  }
  return found;
}

/** The first of the largest; NaN is larger than any number, and the last of them wins. */
function largest(x: HostArray, attrs: PoolAttrs, index: readonly number[]): Element {
  return underWindow(x, attrs, index).reduce((a, b) => (b.value > a.value || Number.isNaN(b.value) ? b : a));
}

/** What an average is of: its elements, and what their sum is divided by. */
interface Average {
  readonly elements: readonly Element[];
  readonly count: number;
}

function averagePool(
  x: HostArray,
  { kernelSize, stride, padding, countIncludePad }: AvgPoolAttrs,
  index: readonly number[],
): Average {
  const elements = underWindow(x, { kernelSize, stride, padding, dilation: [1, 1] }, index);
  // A window of ceil mode ends where the padding does.
  const extent = (axis: 0 | 1) => {
    const from = index[axis + 1] * stride[axis] - padding[axis];
    return Math.min(kernelSize[axis], x.shape[axis + 1] + padding[axis] - from);
  };
  return { elements, count: countIncludePad ? extent(0) * extent(1) : elements.length };
}

/** Cell i of the n along a dimension: from ⌊i · length / n⌋ to ⌈(i + 1) · length / n⌉. */
function adaptiveCell(x: HostArray, y: readonly number[], index: readonly number[]): Average {
  const [n, , , c] = index;
  const ends = (axis: 1 | 2) => ({
    from: Math.floor((index[axis] * x.shape[axis]) / y[axis]),
    to: Math.ceil(((index[axis] + 1) * x.shape[axis]) / y[axis]),
  });
  const [rows, columns] = [ends(1), ends(2)];
  const elements: Element[] = [];
  for (let h = rows.from; h < rows.to; h++) {
    for (let w = columns.from; w < columns.to; w++) {
      elements.push({ value: at(x, [n, h, w, c]), index: h * x.shape[2] + w });
    }
  }
  return { elements, count: elements.length };
}

const floatAverage = ({ elements, count }: Average) =>
  sumOf(elements.length, (i) => elements[i].value) / count;

/** docs/numerics.md "int8 average pools" */
function integerAverage(
  { elements, count }: Average,
  { scale, zeroPoint, yScale = scale, yZeroPoint = zeroPoint }: QAverageAttrs,
  dtype: StorageDType,
): number {
  const [min, max] = dtype === 'int8' ? [-128, 127] : [0, 255];
  const sum = sumOf(elements.length, (i) => elements[i].value - zeroPoint);
  const multiplier = Math.fround(scale / Math.fround(yScale * count));
  return clamp(rint(Math.fround(sum * multiplier)) + yZeroPoint, min, max);
}

/** Hands each gradient of an output to what the average consists of, in equal shares. */
function shareEvenly(
  gradX: HostArray,
  gradY: HostArray,
  averageAt: (index: readonly number[]) => Average,
): number[] {
  const [, height, width, channels] = gradX.shape;
  const shares = new Array<number>(size(gradX.shape)).fill(0);
  for (const index of indices(gradY.shape)) {
    const { elements, count } = averageAt(index);
    for (const { index: place } of elements) {
      shares[(index[0] * height * width + place) * channels + index[3]] += at(gradY, index) / count;
    }
  }
  return shares;
}

export const poolDefinitions: Definitions<
  | 'maxPool2d'
  | 'maxPool2dBackward'
  | 'qmaxPool2d'
  | 'avgPool2d'
  | 'avgPool2dBackward'
  | 'qavgPool2d'
  | 'adaptiveAvgPool2d'
  | 'adaptiveAvgPool2dBackward'
  | 'qadaptiveAvgPool2d'
> = {
  maxPool2d({ x, y, indices: places }, attrs) {
    define(y, (index) => largest(arrayOf(x), attrs, index).value);
    define(places, (index) => largest(arrayOf(x), attrs, index).index);
  },

  maxPool2dBackward({ gradY, indices: places, gradX }) {
    const [, height, width, channels] = gradX.shape;
    const sums = new Array<number>(size(gradX.shape)).fill(0);
    for (const index of indices(gradY.shape)) {
      const place = index[0] * height * width + at(arrayOf(places), index);
      sums[place * channels + index[3]] += at(arrayOf(gradY), index);
    }
    gradX.buffer.data.set(sums);
  },

  qmaxPool2d({ x, y }, attrs) {
    define(y, (index) => largest(arrayOf(x), attrs, index).value);
  },

  avgPool2d({ x, y }, attrs) {
    define(y, (index) => floatAverage(averagePool(arrayOf(x), attrs, index)));
  },

  avgPool2dBackward({ gradY, gradX }, attrs) {
    const averageAt = (index: readonly number[]) => averagePool(arrayOf(gradX), attrs, index);
    gradX.buffer.data.set(shareEvenly(arrayOf(gradX), arrayOf(gradY), averageAt));
  },

  qavgPool2d({ x, y }, attrs) {
    define(y, (index) => integerAverage(averagePool(arrayOf(x), attrs, index), attrs, x.dtype));
  },

  adaptiveAvgPool2d({ x, y }) {
    define(y, (index) => floatAverage(adaptiveCell(arrayOf(x), y.shape, index)));
  },

  adaptiveAvgPool2dBackward({ gradY, gradX }) {
    const averageAt = (index: readonly number[]) => adaptiveCell(arrayOf(gradX), gradY.shape, index);
    gradX.buffer.data.set(shareEvenly(arrayOf(gradX), arrayOf(gradY), averageAt));
  },

  qadaptiveAvgPool2d({ x, y }, attrs) {
    define(y, (index) => integerAverage(adaptiveCell(arrayOf(x), y.shape, index), attrs, x.dtype));
  },
};
