import { createWebgpuBackend, type WebgpuBackendOptions } from '../src';

/** Why there is no GPU to test on, not even a software one. */
export const noGpu: string | undefined = await createWebgpuBackend().then(
  (backend) => backend.dispose() as undefined,
  (error: Error) => error.message,
);
if (noGpu) console.warn(`The tests of @octet/backend-webgpu that need a GPU are skipped: ${noGpu}`);

/** A backend whose errors are only thrown: by the next read, which every case ends with. */
export function createTestBackend(options: WebgpuBackendOptions = {}) {
  return createWebgpuBackend({ onError: () => {}, ...options });
}
