// The entries that have a part of the kernels: they are whole for their profiles, and say where the others are.
import { readFileSync } from 'node:fs';
import { composable, dispatch, type KernelName, MissingKernelError, profiles } from '@octet/backend';
import { testBackend } from '@octet/backend-testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assemblySources } from '../scripts/build-wasm.mjs';
import { exportedNames } from '../scripts/calls.mjs';
import { createWasmBackend, type WasmBackend } from '../src';
import { createWasmBackend as createInference } from '../src/inference';
import { createWasmBackend as createInt8 } from '../src/int8';

const entries = [
  { name: 'int8', create: createInt8, has: ['inference-int8'], lacks: 'softmax' },
  {
    name: 'inference',
    create: createInference,
    has: ['inference-int8', 'inference-float'],
    lacks: 'sgdStep',
  },
] as const;

for (const { create, has } of entries) {
  for (const profile of has) testBackend({ backend: () => create({ threads: 1 }), profile });
}

// The other variant, of int8 alone: float kernels of both are tested whole.
for (const { create } of entries) {
  testBackend({ backend: () => create({ threads: 1, relaxedSimd: false }), profile: 'inference-int8' });
}

const readWasm = () => readFileSync(new URL('../src/generated/wasm/simd.wasm', import.meta.url));

describe.each(entries)('the entry $name', ({ create, has, lacks, name }) => {
  let backend: WasmBackend;
  let whole: WasmBackend;
  beforeAll(async () => {
    backend = await create({ threads: 1 });
    whole = await createWasmBackend({ threads: 1 });
  });
  afterAll(() => {
    backend.dispose();
    whole.dispose();
  });

  it('has the kernels of its profiles and no others', () => {
    const promised = new Set<KernelName>(has.flatMap((p) => [...profiles[p], ...composable[p]]));
    expect(backend.profiles).toEqual(has);
    const own = Object.keys(backend.kernels) as KernelName[];
    expect(own.filter((kernel) => !promised.has(kernel))).toEqual([]);
    const whatWholeHas = Object.keys(whole.kernels).filter((kernel) => promised.has(kernel as KernelName));
    expect(own.sort()).toEqual(whatWholeHas.sort());
  });

  it('names the entry that has a kernel which is missing', () => {
    const x = { buffer: backend.allocate('float32', 4), dtype: 'float32', shape: [1, 4, 1] } as const;
    const call = () => dispatch(backend, lacks, { x } as never, { y: x } as never, {} as never);
    expect(call).toThrow(MissingKernelError);
    expect(call).toThrow("Import createWasmBackend from '@octet/backend-wasm-simd'");
  });

  it('takes the whole wasm too', async () => {
    const bytes = readWasm();
    const other = await create({ threads: 1, wasmModule: bytes });
    expect(other.info().variantReason).toBe('wasmModule');
    other.dispose();
  });

  it('has functions that the whole has', () => {
    const sources = assemblySources();
    const all = exportedNames(sources, 'index.ts');
    const some = exportedNames(sources, `${name}.ts`);
    expect(some.filter((fn) => !all.includes(fn))).toEqual([]);
    expect(some.length).toBeLessThan(all.length);
  });
});
