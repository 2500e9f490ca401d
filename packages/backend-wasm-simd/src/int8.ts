/** The backend for CPUs with the kernels of int8 inference alone. */
import { createFrom, type KernelSet, type WasmBackend, type WasmBackendOptions } from './create';
import { lower } from './generated/int8/exports';
import { int8Kernels } from './kernels/int8';

export { WasmBuffer } from './buffers';
export type { WasmBackend, WasmBackendOptions } from './create';
export type { Dot } from './features';

const set: KernelSet = {
  kernels: int8Kernels,
  lower,
  profiles: ['inference-int8'],
  simd: () => import('./generated/int8/simd'),
  relaxed: () => import('./generated/int8/relaxed'),
  missingFix:
    "Import createWasmBackend from '@octet/backend-wasm-simd', which has all kernels, or give this one a fallback.",
};

/**
 * A backend on WebAssembly with SIMD, on several threads where there is shared memory, with the kernels of int8 inference alone. What it found and chose, and
 * why, is in `info()`.
 *
 * @throws BackendError if the engine has no WebAssembly SIMD: the message names the js backend.
 */
export function createWasmBackend(options: WasmBackendOptions = {}): Promise<WasmBackend> {
  return createFrom(set, options);
}
