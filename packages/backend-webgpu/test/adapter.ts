import { createWebgpuBackend, type WebgpuBackendOptions } from '../src';

/** Why there is no GPU to test on, not even a software one. */
export const noGpu: string | undefined = await createWebgpuBackend().then(
  (backend) => backend.dispose() as undefined,
  (error: Error) => error.message,
);
if (noGpu) console.warn(`The tests of @octet/backend-webgpu that need a GPU are skipped: ${noGpu}`);

/** A backend on which an error of the GPU that no read has thrown fails the process. */
export async function createTestBackend(options: WebgpuBackendOptions = {}) {
  return createWebgpuBackend({
    onError: (error) => {
      // Outside of any promise that a test might catch.
      queueMicrotask(() => {
        throw error;
      });
    },
    ...options,
  });
}
