import type { Backend } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { type BackendName, choices } from './choices';

export { type BackendName, backendNames } from './choices';

/** A backend that a page can choose: its code is loaded when it is; the reference is there, for tensors need it. */
export interface BackendChoice {
  label: string;
  /**
   * @throws BackendError where this browser lacks what the backend needs; an Error with what `missing` of the choice says
   */
  load(options?: LoadOptions): Promise<LoadedBackend>;
}

export interface LoadOptions {
  /** Of a backend that has them; else there is one. 'auto' (the default): as many as the machine runs at once. */
  threads?: number | 'auto';
}

export interface LoadedBackend {
  backend: Backend;
  /** What it found and chose, in words to show. */
  details: string;
  dispose(): void;
}

/** One line per backend. */
export const backends: Readonly<Record<BackendName, BackendChoice>> = {
  wasm: { ...choices.wasm, load: loadWasm },
  webgpu: { ...choices.webgpu, load: loadWebgpu },
  js: { ...choices.js, load: loadReference },
};

async function loadWasm({ threads: wanted = 'auto' }: LoadOptions = {}): Promise<LoadedBackend> {
  const { createWasmBackend } = await import('@octet/backend-wasm-simd');
  const backend = await createWasmBackend({ threads: wanted });
  await backend.ready;
  const { variant } = backend.info();
  return {
    backend,
    details: `${variant}, ${threadsText(backend.info())}`,
    dispose: () => backend.dispose(),
  };
}

/** How many threads the wasm backend has, and why. */
export function threadsText({ threads, threadsReason }: Record<string, unknown>): string {
  return `${threads === 1 ? 'one thread' : `${threads} threads`}: ${threadsReason}`;
}

async function loadWebgpu(): Promise<LoadedBackend> {
  const reason = await choices.webgpu.missing();
  if (reason) throw new Error(reason);
  const { createWebgpuBackend } = await import('@octet/backend-webgpu');
  const backend = await createWebgpuBackend();
  const { adapter, software } = backend.info();
  return {
    backend,
    details: software ? `on software (${adapter}), not on a GPU: slow` : `on ${adapter}`,
    dispose: () => backend.dispose(),
  };
}

async function loadReference(): Promise<LoadedBackend> {
  return { backend: referenceBackend, details: 'exact and plain, one thread', dispose() {} };
}
