import { ArgumentError, DTypeError, ShapeError } from '@octet/backend';
import { describe, expect, test } from 'vitest';
import {
  cat,
  Generator,
  grad,
  manualSeed,
  ones,
  randn,
  type ScaledDotProductAttentionOptions,
  scaledDotProductAttention,
  type Tensor,
  tensor,
  zeros,
} from '../src';
import { list } from './support/layouts';

const attend = scaledDotProductAttention;
const inputs = () => {
  manualSeed(3);
  return [randn([2, 4, 5, 6]), randn([2, 4, 7, 6]), randn([2, 4, 7, 3])] as const;
};
const close = (a: Tensor, b: Tensor) => {
  expect(a.shape).toEqual(b.shape);
  const want = list(b);
  list(a).forEach((v, i) => {
    expect(v).toBeCloseTo(want[i], 5);
  });
};

describe('scaledDotProductAttention', () => {
  test('is softmax(q · kᵀ / √E) · v', () => {
    const [q, k, v] = inputs();
    const weights = q.matmul(k.transpose(-1, -2)).div(Math.sqrt(6)).softmax(-1);
    close(attend(q, k, v), weights.matmul(v));
  });

  test('a bool mask, a mask of numbers, and isCausal say the same', () => {
    const [q, k, v] = inputs();
    const rows = Array.from({ length: 5 }, (_, i) => Array.from({ length: 7 }, (_, j) => j <= i));
    const causal = attend(q, k, v, { isCausal: true });
    close(attend(q, k, v, { attnMask: tensor(rows) }), causal);
    const added = tensor(rows.map((row) => row.map((seen) => (seen ? 0 : Number.NEGATIVE_INFINITY))));
    close(attend(q, k, v, { attnMask: added }), causal);
  });

  test('heads of keys serve neighbours, as if repeated', () => {
    const [q, k, v] = inputs();
    const [few, values] = [k.slice(1, 0, 2), v.slice(1, 0, 2)];
    const repeated = (t: Tensor) => {
      const [a, b] = [t.slice(1, 0, 1), t.slice(1, 1, 2)];
      return cat([a, a, b, b], 1);
    };
    close(attend(q, few, values, { enableGqa: true }), attend(q, repeated(few), repeated(values)));
  });

  // Other kernels, in the same cases.
  const masked: Record<string, ScaledDotProductAttentionOptions> = {
    'no mask': {},
    causal: { isCausal: true },
    'bools, a row of which is false': {
      attnMask: tensor([[true], [false], [true], [true], [false]]),
    },
    'numbers for each batch and head': { attnMask: ones([2, 4, 1, 7]) },
    'numbers for each head, shared': { attnMask: ones([4, 5, 7]), enableGqa: true },
  };
  for (const [name, options] of Object.entries(masked)) {
    test(`made of several kernels, it gives the same: ${name}`, () => {
      const [q, all, allValues] = inputs();
      const [k, v] = options.enableGqa ? [all.slice(1, 0, 2), allValues.slice(1, 0, 2)] : [all, allValues];
      const own = [q, k, v].map((t) => {
        const copy = t.clone();
        copy.requiresGrad = true;
        return copy;
      }) as [Tensor, Tensor, Tensor];
      const y = attend(...own, options);
      // A share of zeros that no number of this generator falls below.
      const generator = new Generator(5);
      const other = attend(...own, { ...options, dropoutP: 1e-12, generator });
      close(other, y);
      const [a, b] = [y, other].map((t) => grad(t.square().sum(), own));
      a.forEach((g, i) => {
        close(b[i] as Tensor, g as Tensor);
      });
    });
  }

  test('a row without keys is 0, and sends no gradient back', () => {
    const [q, k, v] = inputs();
    q.requiresGrad = true;
    const attnMask = zeros([5, 7]).to('bool');
    const y = attend(q, k, v, { attnMask });
    expect(new Set(list(y))).toEqual(new Set([0]));
    expect(list(grad(y.sum(), [q])[0] as Tensor).every((g) => g === 0)).toBe(true);
    expect(new Set(list(attend(q, k, v, { attnMask, dropoutP: 0.5 })))).toEqual(new Set([0]));
  });

  test('dropout makes zeros of a share of the weights, and the others larger', () => {
    const q = zeros([1, 1, 50, 4]);
    const [k, v] = [zeros([1, 1, 40, 4]), ones([1, 1, 40, 1])];
    const sums = list(attend(q, k, v, { dropoutP: 0.25, generator: new Generator(1) }));
    // Each is a number of weights of 1 / 40 / 0.75.
    for (const sum of sums) expect(sum * 30).toBeCloseTo(Math.round(sum * 30), 4);
    expect(new Set(sums.map((sum) => Math.round(sum * 30))).size).toBeGreaterThan(3);
    const mean = sums.reduce((a, b) => a + b) / sums.length;
    expect(mean).toBeGreaterThan(0.95);
    expect(mean).toBeLessThan(1.05);
  });

  test('what does not fit is refused', () => {
    const [q, k, v] = inputs();
    expect(() => attend(q, k.transpose(1, 2), v)).toThrow(ShapeError);
    expect(() => attend(q, k.slice(1, 0, 2), v.slice(1, 0, 2))).toThrow(/enableGqa: true/);
    expect(() => attend(q, k.slice(1, 0, 3), v.slice(1, 0, 3), { enableGqa: true })).toThrow(ArgumentError);
    expect(() => attend(q, k, v, { attnMask: ones([7, 5]) })).toThrow(
      /attnMask that broadcasts to \[2, ?4, ?5, ?7\]/,
    );
    expect(() => attend(q, k, v, { attnMask: ones([5, 7]), isCausal: true })).toThrow(ArgumentError);
    expect(() => attend(q, k, v, { attnMask: ones([5, 7]).to('int32') })).toThrow(DTypeError);
    expect(() => attend(q, k, v.to('float64'))).toThrow(DTypeError);
    expect(() => attend(q, k, v, { dropoutP: 2 })).toThrow(/dropout/);
  });
});
