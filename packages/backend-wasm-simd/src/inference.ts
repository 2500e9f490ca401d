/** The backend for CPUs with the kernels of inference, int8 and float, alone. */
import { createFrom, type KernelSet, type WasmBackend, type WasmBackendOptions } from './create';
import { lower } from './generated/inference/exports';
import { inferenceKernels } from './kernels/inference';

export { WasmBuffer } from './buffers';
export type { WasmBackend, WasmBackendOptions } from './create';
export type { Dot } from './features';

const set: KernelSet = {
  kernels: inferenceKernels,
  lower,
  profiles: ['inference-int8', 'inference-float'],
  simd: () => import('./generated/inference/simd'),
  relaxed: () => import('./generated/inference/relaxed'),
  missingFix:
    "Import createWasmBackend from '@octet/backend-wasm-simd', which has those of training too, or give this one a fallback.",
};

/**
 * A backend on WebAssembly with SIMD, on several threads where there is shared memory, with the kernels of inference alone, int8 and float. What it found and chose, and
 * why, is in `info()`.
 *
 * @throws BackendError if the engine has no WebAssembly SIMD: the message names the js backend.
 */
export function createWasmBackend(options: WasmBackendOptions = {}): Promise<WasmBackend> {
  return createFrom(set, options);
}
