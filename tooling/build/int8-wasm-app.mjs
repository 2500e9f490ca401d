// The app of int8-app.mjs on the wasm backend, which has all kernels and both variants of the wasm. `pnpm size` bundles it.
import { createWasmBackend } from '../../packages/backend-wasm-simd/dist/index.js';
import { run } from './int8-app.mjs';

/** As `run`, on a wasm backend of its own. */
export async function runOnWasm(checkpoint, image) {
  return run(await createWasmBackend(), checkpoint, image);
}
