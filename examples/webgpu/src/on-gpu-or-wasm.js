import { BackendError } from '@octet/backend';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { createWebgpuBackend } from '@octet/backend-webgpu';

/**
 * Does the work on the GPU. Where there is none, or it goes away while the work is done (DeviceLostError, a BackendError
 * too), all of the work is done on WebAssembly.
 *
 * @template T
 * @param {(backend: import('@octet/backend').Backend) => Promise<T>} work makes its tensors on the backend that it is given
 */
export async function onGpuOrWasm(work) {
  let reason;
  try {
    const gpu = await createWebgpuBackend();
    try {
      return {
        result: await work(gpu),
        backend: gpu.name,
        reason: `the GPU is there: ${gpu.info().adapter}`,
      };
    } finally {
      gpu.dispose();
    }
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    reason = error.message;
  }
  const wasm = await createWasmBackend();
  try {
    return { result: await work(wasm), backend: wasm.name, reason };
  } finally {
    wasm.dispose();
  }
}
