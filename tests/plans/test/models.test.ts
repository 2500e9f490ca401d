import { type Backend, extendBackend } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { planOf, tensorsIn } from '@octet/graph';
import { manualSeed, noGrad, setBackend, type Tensor } from '@octet/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Subject, subjects } from './models';

/** The kernels of a plugin: the reference's own, behind functions of its own. */
function extended(base: Backend): Backend {
  const { relu, qlookup } = base.kernels;
  return extendBackend(base, {
    name: 'plugin',
    kernels: {
      relu: (t, attrs) => (relu as (a: typeof t, b: typeof attrs) => void)(t, attrs),
      qlookup: (t, attrs) => (qlookup as (a: typeof t, b: typeof attrs) => void)(t, attrs),
    },
  });
}

const backends: Record<string, () => Promise<Backend>> = {
  reference: async () => referenceBackend,
  'an extended reference': async () => extended(referenceBackend),
  'wasm, 1 thread': () => createWasmBackend({ threads: 1 }),
  'wasm, 1 thread, exact': () => createWasmBackend({ threads: 1, dot: 'exact' }),
  'wasm, 2 threads': async () => {
    const backend = await createWasmBackend({ threads: 2, maxGrain: 1 });
    await backend.ready;
    return backend;
  },
  'wasm, 4 threads that start meanwhile': () => createWasmBackend({ threads: 4, maxGrain: 1 }),
  'an extended wasm, 2 threads': async () => extended(await createWasmBackend({ threads: 2 })),
};

const toNumbers = (value: unknown) =>
  tensorsIn(value).map((t) => [t.shape, t.dtype, Array.from(t.dataSync())]);

describe.each(Object.entries(backends))('on %s', (_, make) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await make();
  });
  afterAll(() => {
    setBackend(referenceBackend);
    backend.dispose?.();
  });

  test.each(subjects.map((s): [string, Subject] => [s.name, s]))('%s', async (_, subject) => {
    manualSeed(7);
    setBackend(referenceBackend);
    const model = (await subject.make()).to(backend);
    setBackend(backend);
    const plan = planOf(model, subject.input());
    const kept: [unknown, unknown][] = [];
    for (let i = 0; i < 3; i++) {
      const input = subject.input();
      const given = toNumbers(input);
      const eager = toNumbers(noGrad(() => model.call(...input)));
      const planned = plan.run(...input);
      expect(toNumbers(planned)).toEqual(eager);
      expect(toNumbers(input)).toEqual(given);
      kept.push([planned, eager]);
    }
    // Outputs are the caller's: later runs don't touch them.
    for (const [planned, eager] of kept) expect(toNumbers(planned)).toEqual(eager);
    const [first] = tensorsIn(kept[0][0]) as Tensor[];
    plan.dispose();
    expect(Array.from(first.dataSync())).toEqual(toNumbers(kept[0][0])[0][2]);
  });
});
