import { describe, expect, test } from 'vitest';
import { grad, gradcheck, noGrad, type Tensor } from '../src';
import * as ops from '../src/ops';
import { differentiable, inputsOf } from './support/differentiable';
import { layouts, list } from './support/layouts';

/** Exports of ops/ that have no gradient. */
const withoutGradient = [
  'argmax',
  'floorDivide',
  'nms',
  'eye',
  'fullLike',
  'linspace',
  'oneHot',
  'argmin',
  'any',
  'all',
  'argsort',
  'nonzero',
  'scatter_',
  'scatterAdd_',
  'eq',
  'ne',
  'lt',
  'le',
  'gt',
  'ge',
  'logicalAnd',
  'logicalNot',
  'logicalOr',
  'logicalXor',
  'isfinite',
  'isinf',
  'isnan',
  'dequantize',
  'quantizePerTensor',
  'quantizePerChannel',
  // Helpers for other packages.
  'conv2dShape',
  'convShape',
  'halves',
  'padInput',
  'requireSameStride',
  'convTransposeShape',
  'outputPaddingFor',
  'asImage',
  'fromImage',
  'linearShape',
  'lstmShape',
  'lstmOperands',
  'gruShape',
  'gruOperands',
  'convOutputSize',
  'windowAttrs',
  'pair',
  'lookup',
  'quantizedLookup',
  'requireEightBits',
  'qclamp',
  'quantizedClamp',
];

test('every op is here', () => {
  const covered = new Set([...Object.values(differentiable).flatMap((d) => d.covers), ...withoutGradient]);
  expect(Object.keys(ops).filter((name) => !covered.has(name))).toEqual([]);
});

function outputs(y: Tensor | Tensor[]): Tensor[] {
  return [y].flat();
}

describe.each(Object.entries(differentiable))('%s', (_, entry) => {
  const expected = outputs(entry.fn(...inputsOf(entry, 'float64'))).map((y) => ({
    shape: y.shape,
    data: list(y),
  }));

  test.each(Object.entries(layouts))('gradients and values, %s', (_, layout) => {
    const inputs = inputsOf(entry, 'float64').map(layout);
    for (const x of inputs) x.requiresGrad = true;
    gradcheck(entry.fn, inputs);
    const got = outputs(entry.fn(...inputs));
    got.forEach((y, i) => {
      expect(y.dtype).toBe('float64');
      expect(y.shape).toEqual(expected[i].shape);
      list(y).forEach((v, j) => {
        expect(v).toBeCloseTo(expected[i].data[j], 12);
      });
    });
  });

  test('float32 agrees with float64', () => {
    const run = (dtype: 'float32' | 'float64') => {
      const inputs = inputsOf(entry, dtype);
      for (const x of inputs) x.requiresGrad = true;
      const ys = outputs(entry.fn(...inputs));
      return [
        ...ys,
        ...(grad(
          ys.map((y) => y.sum()),
          inputs,
        ) as Tensor[]),
      ];
    };
    if (entry.covers.includes('cast')) return;
    const [single, double] = [run('float32'), run('float64')];
    single.forEach((t, i) => {
      expect(t.dtype).toBe('float32');
      expect(t.shape).toEqual(double[i].shape);
      const want = list(double[i]);
      list(t).forEach((v, j) => {
        expect(Math.abs(v - want[j])).toBeLessThanOrEqual(1e-5 + 1e-4 * Math.abs(want[j]));
      });
    });
  });

  test('nothing is recorded without need', () => {
    const inputs = inputsOf(entry, 'float64');
    for (const y of outputs(entry.fn(...inputs))) expect(y.gradNode).toBeUndefined();
    for (const x of inputs) x.requiresGrad = true;
    for (const y of outputs(noGrad(() => entry.fn(...inputs)))) expect(y.gradNode).toBeUndefined();
  });
});
