/** Octet's backend for CPUs: WebAssembly with SIMD and threads. */
import { createFrom, type KernelSet, type WasmBackend, type WasmBackendOptions } from './create';
import { lower } from './generated/exports';
import { kernels } from './kernels';

export { WasmBuffer } from './buffers';
export type { WasmBackend, WasmBackendOptions } from './create';
export type { Dot } from './features';

const set: KernelSet = {
  kernels,
  lower,
  profiles: ['inference-int8', 'inference-float', 'training'],
  simd: () => import('./generated/simd'),
  relaxed: () => import('./generated/relaxed'),
};

/**
 * A backend on WebAssembly with SIMD, on several threads where there is shared memory. What it found and chose, and
 * why, is in `info()`.
 *
 * @throws BackendError if the engine has no WebAssembly SIMD: the message names the js backend.
 */
export function createWasmBackend(options: WasmBackendOptions = {}): Promise<WasmBackend> {
  return createFrom(set, options);
}
