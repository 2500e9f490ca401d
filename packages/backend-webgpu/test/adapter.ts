import { BackendError } from '@octet/backend';
import { createWebgpuBackend, type WebgpuBackendOptions } from '../src';
import { findAdapter } from '../src/adapter';

/** Why there is no GPU to test on, not even a software one. */
export const noGpu: string | undefined = await findAdapter(undefined).then(
  () => undefined,
  (error: unknown) => {
    if (error instanceof BackendError) return error.message;
    throw error;
  },
);
if (noGpu) {
  // A browser was started with one.
  const isBrowser = !globalThis.process;
  if (isBrowser || process.env.CI)
    throw new Error(`There must be a GPU here, be it Chromium's software one: ${noGpu}`);
  console.warn(`The tests of @octet/backend-webgpu that need a GPU are skipped: ${noGpu}`);
}

/** A backend whose errors are only thrown: by the next read, which every case ends with. */
export function createTestBackend(options: WebgpuBackendOptions = {}) {
  return createWebgpuBackend({ onError: () => {}, ...options });
}
