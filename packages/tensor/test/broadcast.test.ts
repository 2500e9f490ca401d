import { broadcastAt, build, indices, size } from '@octet/backend-testkit/oracle';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { add, div, expand, grad, mul, sub, type Tensor } from '../src';
import { broadcastShapes } from '../src/layout';
import { arrayOf, broadcastable, layout } from './support/arbitraries';
import { list, tensorOf } from './support/layouts';

const ops: Record<string, [(a: Tensor, b: Tensor) => Tensor, (a: number, b: number) => number]> = {
  add: [add, (a, b) => a + b],
  sub: [sub, (a, b) => a - b],
  mul: [mul, (a, b) => a * b],
  div: [div, (a, b) => a / b],
};

const pair = broadcastable.chain(({ a, b, out }) =>
  fc.record({ a: arrayOf(a), b: arrayOf(b), out: fc.constant(out), layoutA: layout, layoutB: layout }),
);

test.each(Object.entries(ops))('%s broadcasts as a loop over all indices does', (_, [op, f]) => {
  fc.assert(
    fc.property(pair, ({ a, b, out, layoutA, layoutB }) => {
      const y = op(layoutA(tensorOf(a)), layoutB(tensorOf(b)));
      const want = build(out, (i) => f(broadcastAt(a, i), broadcastAt(b, i)));
      expect(y.shape).toEqual(out);
      expect(list(y)).toEqual(want.data);
    }),
  );
});

test('the gradient of a broadcast operand is the sum over its repetitions', () => {
  fc.assert(
    fc.property(pair, ({ a, b, out, layoutA, layoutB }) => {
      const inputs = [layoutA(tensorOf(a)), layoutB(tensorOf(b))];
      for (const t of inputs) t.requiresGrad = true;
      const y = add(inputs[0], inputs[1]);
      const gradY = build(out, (i) => i.reduce((n, j, d) => n + j * 10 ** d, 1));
      const grads = grad(y, inputs, { gradOutputs: [tensorOf(gradY)] }) as Tensor[];
      for (const [k, x] of [a, b].entries()) {
        const want = new Array<number>(size(x.shape)).fill(0);
        const where = { shape: x.shape, data: want.map((_, i) => i) };
        indices(out).forEach((i, j) => {
          want[broadcastAt(where, i)] += gradY.data[j];
        });
        expect(list(grads[k])).toEqual(want);
      }
    }),
  );
});

test('expand repeats without a copy', () => {
  fc.assert(
    fc.property(pair, ({ a, out, layoutA }) => {
      const x = layoutA(tensorOf(a));
      const y = expand(x, out);
      expect(y.storage).toBe(x.storage);
      expect(list(y)).toEqual(build(out, (i) => broadcastAt(a, i)).data);
    }),
  );
});

test('shapes that do not fit are named', () => {
  expect(() => broadcastShapes('add', [2, 3], [4])).toThrow(
    'add: expected shapes that broadcast: equal from the right, or 1, or absent, found [2, 3] and [4]. ' +
      'The sizes 3 and 4 at dimension -1 differ: reshape or unsqueeze one of them.',
  );
});
