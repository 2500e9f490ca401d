import type { Conv2dAttrs, KernelName, Pair } from '@octet/backend';
import { checkCase } from '@octet/backend-testkit';
import type { CaseTensor, KernelCase } from '@octet/backend-testkit/cases';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { WebgpuBackend } from '../src';
import { createTestBackend, noGpu } from './adapter';

// What the conformance cases are too small for: several tiles, sums in parts, columns in blocks.

const sizeOf = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1);

/** Numbers between -1 and 1 that have nothing to do with each other. */
function floats(shape: readonly number[], from = 0): CaseTensor {
  const wave = (i: number) => from + Math.sin((i + 1) * (i + 1) * 0.7 + shape.length);
  return { dtype: 'float32', shape, data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => wave(i)) };
}

const output = (...shape: number[]) => ({ dtype: 'float32' as const, shape });
const tolerance = { atol: 2e-5, rtol: 1e-4 };

const matmul = (batch: number, m: number, k: number, n: number, transposeA: boolean, transposeB: boolean) =>
  ({
    name: `${batch} x [${m},${k}] x [${k},${n}] ${transposeA ? 'a transposed ' : ''}${transposeB ? 'b transposed' : ''}`,
    inputs: {
      a: floats(transposeA ? [batch, k, m] : [batch, m, k]),
      b: floats(transposeB ? [1, n, k] : [1, k, n]),
    },
    outputs: { y: output(batch, m, n) },
    attrs: { transposeA, transposeB },
    tolerance,
  }) satisfies KernelCase<'matmul'>;

const linear = (m: number, k: number, n: number) =>
  ({
    name: `[${m},${k}] x [${n},${k}]`,
    inputs: { x: floats([m, k]), weight: floats([n, k]), bias: floats([n]) },
    outputs: { y: output(m, n) },
    attrs: {},
    tolerance,
  }) satisfies KernelCase<'linear'>;

interface Conv {
  x: readonly [batch: number, height: number, width: number, channels: number];
  out: number;
  kernel?: Pair;
  attrs?: Partial<Conv2dAttrs>;
}

/** The three kernels of a convolution. */
function convolution({ x, out, kernel = [3, 3], attrs: given }: Conv) {
  const attrs: Conv2dAttrs = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1, ...given };
  const { stride, padding, dilation, groups } = attrs;
  const length = (axis: 0 | 1) =>
    Math.floor((x[axis + 1] + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1) / stride[axis]) +
    1;
  const y = [x[0], length(0), length(1), out];
  const weight = [out, ...kernel, x[3] / groups];
  const about = { name: `[${x}] to ${out}, ${JSON.stringify(given ?? {})}`, attrs, tolerance };
  return {
    conv2d: [undefined, [0, Infinity] as const, [-0.5, 1.5] as const].map((clamp) => ({
      ...about,
      name: `${about.name}${clamp ? `, clamp ${clamp}` : ''}`,
      inputs: { x: floats(x), weight: floats(weight), bias: floats([out]) },
      outputs: { y: output(...y) },
      attrs: { ...attrs, clamp },
    })) satisfies KernelCase<'conv2d'>[],
    conv2dBackwardInput: {
      ...about,
      inputs: { gradY: floats(y), weight: floats(weight) },
      outputs: { gradX: output(...x) },
    } satisfies KernelCase<'conv2dBackwardInput'>,
    conv2dBackwardWeight: {
      ...about,
      inputs: { x: floats(x), gradY: floats(y) },
      outputs: { gradWeight: output(...weight) },
    } satisfies KernelCase<'conv2dBackwardWeight'>,
  };
}

const convolutions = [
  { x: [1, 9, 7, 5], out: 37 },
  { x: [1, 7, 9, 6], out: 70, attrs: { groups: 2 } },
  { x: [2, 17, 19, 5], out: 7, attrs: { stride: [2, 1], dilation: [1, 3] } },
  { x: [1, 8, 9, 35], out: 41, attrs: { stride: [1, 2] } },
  { x: [3, 19, 17, 3], out: 3, kernel: [1, 1], attrs: { padding: [0, 0] } },
  { x: [3, 20, 21, 37], out: 37, attrs: { groups: 37, stride: [1, 2] } },
  { x: [1, 3, 3, 111], out: 5 },
  { x: [1, 3, 3, 1111], out: 5, kernel: [1, 1], attrs: { padding: [0, 0] } },
  { x: [0, 5, 5, 3], out: 4 },
] satisfies Conv[];

const batchNorm = (rows: number, columns: number, from: number, atol: number) =>
  ({
    name: `[${rows},${columns}] about ${from}`,
    inputs: { x: floats([rows, columns], from), weight: floats([columns]), bias: floats([columns]) },
    outputs: {
      y: output(rows, columns),
      saveMean: output(columns),
      saveInvStd: output(columns),
      runningMean: floats([columns]),
      runningVar: floats([columns], 2),
    },
    attrs: { eps: 1e-5, momentum: 0.3 },
    tolerance: { ...tolerance, atol },
  }) satisfies KernelCase<'batchNormTrain'>;

function normBackward(rows: number, columns: number, lines: number) {
  return {
    name: `[${rows},${columns}]`,
    inputs: {
      x: floats([rows, columns]),
      gradY: floats([rows, columns], 0.1),
      mean: floats([lines]),
      invStd: floats([lines], 1.5),
      weight: floats([columns]),
    },
    outputs: {
      gradX: output(rows, columns),
      gradWeight: output(columns),
      gradBias: output(columns),
    },
    tolerance: { atol: 1e-4, rtol: 1e-4 },
  };
}

const layerNorm = (rows: number, columns: number) =>
  ({
    name: `[${rows},${columns}]`,
    inputs: { x: floats([rows, columns], 3) },
    outputs: { y: output(rows, columns), mean: output(rows), invStd: output(rows) },
    attrs: { eps: 1e-5 },
    tolerance,
  }) satisfies KernelCase<'layerNorm'>;

/** Indices without any order: more than a pool of windows ever gives. */
const anyIndices = {
  name: 'any indices',
  inputs: {
    gradY: floats([2, 3, 5, 3]),
    indices: {
      dtype: 'int32',
      shape: [2, 3, 5, 3],
      data: Int32Array.from({ length: 90 }, (_, i) => (i * i * 31) % 42),
    },
  },
  outputs: { gradX: output(2, 7, 6, 3) },
  attrs: {},
  tolerance,
} satisfies KernelCase<'maxPool2dBackward'>;

const row = [Number.NaN, 1, -0, 0, 0, -0, 5, Number.NaN, Number.NaN, -Infinity, -Infinity, 3, Infinity];
const awkwardMaximum = {
  name: 'NaN, signed zeros, infinities',
  inputs: { x: { dtype: 'float32', shape: [1, 1, row.length, 1], data: Float32Array.from(row) } },
  outputs: {
    y: output(1, 1, row.length - 1, 1),
    indices: { dtype: 'int32', shape: [1, 1, row.length - 1, 1] },
  },
  attrs: { kernelSize: [1, 2], stride: [1, 1], padding: [0, 0], dilation: [1, 1] },
  tolerance: 'exact',
} satisfies KernelCase<'maxPool2d'>;

const cases: { readonly [K in KernelName]?: readonly KernelCase<K>[] } = {
  matmul: [
    matmul(2, 65, 70, 67, false, false),
    matmul(1, 65, 19, 67, true, true),
    matmul(1, 3, 1111, 5, true, true),
  ],
  linear: [linear(3, 1500, 5), linear(3, 0, 2), linear(0, 3, 2)],
  conv2d: convolutions.flatMap((sizes) => convolution(sizes).conv2d),
  conv2dBackwardInput: convolutions.map((sizes) => convolution(sizes).conv2dBackwardInput),
  conv2dBackwardWeight: convolutions.map((sizes) => convolution(sizes).conv2dBackwardWeight),
  batchNormTrain: [
    batchNorm(517, 3, 0, 2e-5),
    batchNorm(67, 130, 0, 2e-5),
    // The mean itself is rounded to 3e-5; a sum of squares less a square of sums would be off by 0.1.
    batchNorm(1031, 5, 1000, 3e-4),
  ],
  batchNormBackward: [{ ...normBackward(517, 67, 67), attrs: { training: true } }],
  layerNorm: [layerNorm(3, 1000)],
  layerNormBackward: [{ ...normBackward(203, 131, 203), attrs: {} }],
  maxPool2d: [awkwardMaximum],
  maxPool2dBackward: [anyIndices],
};

describe.skipIf(noGpu)('float kernels beyond one tile', () => {
  let backend: WebgpuBackend;
  beforeAll(async () => {
    backend = await createTestBackend();
  });
  afterAll(() => backend.dispose());

  describe.each(Object.entries(cases) as [KernelName, KernelCase[]][])('%s', (kernel, list) => {
    it.each(list)('$name', (kernelCase) => checkCase(backend, kernel, kernelCase));
  });
});
