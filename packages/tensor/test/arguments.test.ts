import { BackendError, OctetError } from '@octet/backend';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import * as own from '../src';
import * as ops from '../src/ops';
import { differentiable, inputsOf } from './support/differentiable';

/** A second copy of the packages, as when one is loaded as ESM and as CommonJS. */
let copy: typeof own;
beforeAll(async () => {
  vi.resetModules();
  copy = await import('../src');
});

const foreign = (like: own.Tensor) =>
  copy.fromData(like.dataSync(), like.shape, { requiresGrad: true }) as unknown as own.Tensor;

/** What `fn` throws; undefined if nothing. */
function thrown(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  return undefined;
}

const wrong: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  'a string': 'x',
  'an array': [1, 2],
  'an object': { shape: [2] },
  'a typed array': new Float32Array(2),
  'a function': () => 1,
};

// Their functions look at the input themselves.
const selfish = ['nllLoss weighted, one ignored', 'crossEntropy with everything', 'batchNorm evaluating'];

describe.each(Object.entries(differentiable).filter(([name]) => !selfish.includes(name)))(
  '%s',
  (_, entry) => {
    const inputs = () => inputsOf(entry, 'float32');
    const places = entry.inputs.map((_, i) => i);

    test.each(Object.entries(wrong))('refuses %s', (_, value) => {
      for (const i of places) {
        const error = thrown(() =>
          entry.fn(...(inputs().map((x, j) => (i === j ? value : x)) as own.Tensor[])),
        );
        // Weights and biases may be absent.
        if (i > 0 && (value === undefined || value === null) && error === undefined) continue;
        expect(error).toBeInstanceOf(OctetError);
        expect((error as OctetError).expected).toBe('a tensor');
        expect((error as OctetError).found).not.toMatch(/undefined.*undefined/);
      }
    });

    test('refuses a tensor of another copy', () => {
      for (const i of places) {
        const error = thrown(() => entry.fn(...inputs().map((x, j) => (i === j ? foreign(x) : x))));
        expect(error).toBeInstanceOf(BackendError);
        expect((error as BackendError).found).toBe('one of another copy');
        expect((error as BackendError).fix).toContain('as ESM and as CommonJS, or in two versions');
      }
    });

    test('names itself where an int8 tensor reaches it', () => {
      const [first, ...rest] = inputs();
      const quantized = first.quantizePerTensor(0.1, 128, 'quint8');
      const error = thrown(() => entry.fn(quantized, ...rest));
      if (!error) return;
      expect(error).toBeInstanceOf(OctetError);
      expect({ variance: 'var', cast: 'to' }[entry.covers[0]] ?? entry.covers[0]).toBe(
        (error as OctetError).op,
      );
    });
  },
);

test.each<[string, (x: own.Tensor) => unknown]>([
  ['argmax', ops.argmax],
  ['dequantize', ops.dequantize],
  ['quantizePerTensor', (x) => ops.quantizePerTensor(x, 1, 0, 'qint8')],
  ['quantizePerChannel', (x) => ops.quantizePerChannel(x, [1], [0], 0, 'qint8')],
  ['copy_', (x) => own.zeros([2]).copy_(x)],
  ['backward', (x) => own.ones([2], { requiresGrad: true }).mul(2).backward(x)],
  ['grad', (x) => own.grad(own.ones([], { requiresGrad: true }), [x])],
  ['grad', (x) => own.grad(x, [])],
  ['nllLoss', (x) => ops.nllLoss(own.zeros([1, 2]), x)],
  ['crossEntropy', (x) => ops.crossEntropy(own.zeros([1, 2]), x)],
  ['embedding', (x) => ops.embedding(x, own.zeros([1, 2]))],
])('%s refuses what is no tensor, and one of another copy', (op, fn) => {
  for (const value of [...Object.values(wrong), foreign(own.ones([2]))]) {
    // Without a gradient backward is another call.
    if (op === 'backward' && value === undefined) continue;
    const error = thrown(() => fn(value as own.Tensor));
    expect(error).toBeInstanceOf(OctetError);
    expect((error as OctetError).op).toBe(op);
  }
});

test('lists that are none', () => {
  for (const list of [undefined, null, 3, own.ones([2]), [], [undefined], [own.ones([2]), 1]]) {
    for (const fn of [ops.cat, ops.stack]) expect(thrown(() => fn(list as never))).toBeInstanceOf(OctetError);
  }
});
