// The app of int8-app.mjs on the wasm backend with the kernels of int8 inference, and both variants of its wasm. `pnpm size` bundles it.
import { createWasmBackend } from '../../packages/backend-wasm-simd/dist/int8.js';
import { run } from './int8-app.mjs';

/** As `run`, on a wasm backend of its own. */
export async function runOnWasm(checkpoint, image) {
  return run(await createWasmBackend(), checkpoint, image);
}
