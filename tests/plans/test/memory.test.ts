import { createWasmBackend, type WasmBackend } from '@octet/backend-wasm-simd';
import { planOf } from '@octet/graph';
import { Linear, ReLU, Sequential } from '@octet/nn';
import { noGrad, randn, relu, type Tensor } from '@octet/tensor';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const runs = 10_000;

describe.each([1, 2])('on %i threads', (threads) => {
  let backend: WasmBackend;
  beforeEach(async () => {
    backend = await createWasmBackend({ threads, memoryBudget: 2 ** 21 });
  });
  afterEach(() => backend.dispose());

  const network = () => new Sequential(new Linear(32, 64), new ReLU(), new Linear(64, 16)).eval().to(backend);

  test(`${runs} runs don't grow`, () => {
    const plan = planOf(network(), [randn([4, 32], { backend })]);
    const x = randn([4, 32], { backend });
    const run = () => (plan.run(x) as Tensor).dispose();
    for (let i = 0; i < 10; i++) run();
    const before = { ...backend.memory(), wasm: backend.info().wasmMemory };
    for (let i = 0; i < runs; i++) run();
    expect({ ...backend.memory(), wasm: backend.info().wasmMemory }).toEqual(before);
  });

  test('outputs that nobody frees stay within the budget', () => {
    const plan = planOf(network(), [randn([512, 32], { backend })]);
    const x = randn([512, 32], { backend });
    plan.run(x);
    const wasm = backend.info().wasmMemory;
    for (let i = 0; i < 300; i++) plan.run(x);
    expect(backend.info().wasmMemory).toBe(wasm);
    expect(backend.info().movedOut).toBeGreaterThan(0);
  });

  test('reused outputs allocate nothing', () => {
    const plan = planOf(network(), [randn([4, 32], { backend })], { reuseOutputs: true });
    const x = randn([4, 32], { backend });
    plan.run(x);
    const before = backend.memory();
    for (let i = 0; i < 1000; i++) plan.run(x);
    expect(backend.memory()).toEqual(before);
  });

  test('what a plan holds is given back by dispose', () => {
    const model = network();
    const x = randn([4, 32], { backend });
    noGrad(() => model.call(x)).dispose();
    const before = backend.memory();
    const plan = planOf(model, [x]);
    expect(backend.memory().bytes).toBeGreaterThanOrEqual(before.bytes + plan.bytes);
    plan.dispose();
    // The copy of the example goes with the garbage: a few kilobytes.
    expect(backend.memory().bytes - before.bytes).toBeLessThan(4096);
  });

  test('weights stay where they are while the heap is full, and may move after', () => {
    const model = network();
    const x = randn([4, 32], { backend });
    const plan = planOf(model, [x]);
    const expected = Array.from((plan.run(x) as Tensor).dataSync());
    for (let i = 0; i < 20; i++) relu(randn([300_000], { backend }));
    expect(backend.info().movedOut).toBeGreaterThan(0);
    expect(Array.from((plan.run(x) as Tensor).dataSync())).toEqual(expected);
    expect(Array.from(noGrad(() => model.call(x)).dataSync())).toEqual(expected);
    plan.dispose();
    for (let i = 0; i < 20; i++) relu(randn([300_000], { backend }));
    expect(Array.from(noGrad(() => model.call(x)).dataSync())).toEqual(expected);
  });
});

test('a plan of a backend that was disposed says so', async () => {
  const backend = await createWasmBackend({ threads: 1 });
  const model = new Sequential(new Linear(2, 2)).eval().to(backend);
  const x = randn([1, 2], { backend });
  const plan = planOf(model, [x]);
  backend.dispose();
  expect(() => plan.run(x)).toThrow(
    /wasm-simd: expected a backend that is alive, found one that was disposed/,
  );
  plan.dispose();
});
