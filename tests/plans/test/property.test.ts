import type { Backend } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { planOf, tensorsIn } from '@octet/graph';
import { Module } from '@octet/nn';
import {
  add,
  cat,
  Generator,
  manualSeed,
  mul,
  noGrad,
  rand,
  relu,
  setBackend,
  softmax,
  type Tensor,
  zeros,
} from '@octet/tensor';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** The size of every tensor. */
const shape = [3, 8];

type Step = { readonly op: number; readonly a: number; readonly b: number };

/** What a step makes of two earlier values; some write in place, into memory that the network made. */
const ops: readonly ((a: Tensor, b: Tensor, weight: Tensor) => Tensor)[] = [
  (a, b) => add(a, b),
  (a, b) => mul(a, b),
  (a) => relu(a),
  (a) => softmax(a, 1),
  (a, _, weight) => a.matmul(weight),
  (a) => a.reshape([8, 3]).transpose(0, 1),
  (a, b) => cat([a.slice(1, 0, 3), b.slice(1, 3, 8)], 1),
  (a, b) => add(a.slice(0, 1, 2), b),
  (a) => a.quantizePerTensor(0.05, 100, 'quint8').dequantize(),
  (a, b) => {
    const whole = zeros([4, 8], { backend: a.backend });
    whole.slice(0, 0, 3).copy_(a);
    whole.slice(0, 3, 4).copy_(b.slice(0, 0, 1));
    return whole.slice(0, 1, 4);
  },
  (a, b) => {
    const copy = add(a, 0);
    copy.slice(1, 2, 5).copy_(b.slice(1, 0, 3));
    return copy;
  },
  (a, _, weight) => add(a, mul(weight.slice(0, 0, 1), 2)),
];

/** A network of steps on two inputs; it returns some of the values, inputs perhaps among them. */
class Random extends Module<[x: Tensor, y: Tensor], Tensor[]> {
  constructor(
    readonly steps: readonly Step[],
    readonly returned: readonly number[],
    readonly weight: Tensor,
  ) {
    super();
  }

  override forward(x: Tensor, y: Tensor): Tensor[] {
    const values = [x, y];
    const value = (i: number) => values[i % values.length];
    for (const { op, a, b } of this.steps) values.push(ops[op](value(a), value(b), this.weight));
    return this.returned.map((i) => values[values.length - 1 - (i % values.length)]);
  }
}

const backends: Backend[] = [referenceBackend];
beforeAll(async () => {
  backends.push(
    await createWasmBackend({ threads: 1 }),
    await createWasmBackend({ threads: 2, maxGrain: 1 }),
  );
});
afterAll(() => {
  setBackend(referenceBackend);
  for (const backend of backends.slice(1)) backend.dispose?.();
});

const number = fc.nat({ max: 1000 });
const step = fc.record({ op: fc.nat({ max: ops.length - 1 }), a: number, b: number });

test('a plan of any network gives what its calls give', () => {
  const run = (steps: readonly Step[], returned: readonly number[], seed: number) => {
    for (const backend of backends) {
      manualSeed(seed);
      setBackend(backend);
      const generator = new Generator(seed);
      const input = () => rand(shape, { generator, backend });
      const model = new Random(steps, returned, rand([8, 8], { generator, backend })).eval();
      const plan = planOf(model, [input(), input()]);
      for (let i = 0; i < 3; i++) {
        const given = [input(), input()] as [Tensor, Tensor];
        const numbers = (value: unknown) => tensorsIn(value).map((t) => Array.from(t.dataSync()));
        expect(numbers(plan.run(...given))).toEqual(numbers(noGrad(() => model.call(...given))));
      }
      plan.dispose();
    }
  };
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 14 }),
      fc.array(number, { minLength: 1, maxLength: 3 }),
      fc.nat(),
      run,
    ),
    { numRuns: 150 },
  );
});
