import { emulatedWasm } from '../scripts/build-wasm.mjs';
import { createWasmBackend, type WasmBackend, type WasmBackendOptions } from '../src';

/** A way to run the kernels. `emulated`: on an engine whose products of bytes are of this kind, whatever this one's are. */
export interface Variant extends WasmBackendOptions {
  readonly emulated?: 'unsigned' | 'signed';
}

const everyVariant: readonly Variant[] = [
  { relaxedSimd: false, threads: 1 },
  { relaxedSimd: true, threads: 1 },
  { relaxedSimd: true, threads: 2, maxGrain: 1 },
  { dot: 'seven', threads: 1 },
  { dot: 'exact', threads: 1 },
  { emulated: 'unsigned', threads: 1 },
  { emulated: 'unsigned', threads: 3, maxGrain: 1 },
  { emulated: 'signed', threads: 1 },
];

/** Whether all runs in an emulator, slowly: see vitest.other-node.config.ts. */
export const slow = process.env.OCTET_OTHER_DOT === 'signed';

/** Every way that int8 products are made; where it is slow, the engine's best. */
export const int8Variants = slow
  ? everyVariant.filter(({ emulated, relaxedSimd }) => !emulated && relaxedSimd)
  : everyVariant;

export async function createVariant({ emulated, ...options }: Variant): Promise<WasmBackend> {
  const wasm = emulated && { wasmModule: await emulatedWasm(emulated) };
  const backend = await createWasmBackend({ ...options, ...wasm });
  await backend.ready;
  return backend;
}
