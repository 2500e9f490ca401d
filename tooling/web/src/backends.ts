import type { Backend } from '@octet/backend';

/** A backend that a page can choose: its code is loaded when it is. */
export interface BackendChoice {
  label: string;
  /**
   * @throws BackendError where this browser lacks what the backend needs
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

/** One line per backend, by the name that pages know it by; the first is the default. */
export const backends = {
  wasm: { label: 'WebAssembly SIMD', load: loadWasm },
  js: { label: 'JavaScript, the reference', load: loadReference },
} satisfies Record<string, BackendChoice>;

export type BackendName = keyof typeof backends;

export const backendNames = Object.keys(backends) as BackendName[];

async function loadWasm({ threads: wanted = 'auto' }: LoadOptions = {}): Promise<LoadedBackend> {
  const { createWasmBackend } = await import('@octet/backend-wasm-simd');
  const backend = await createWasmBackend({ threads: wanted });
  await backend.ready;
  const { variant, threads, threadsReason } = backend.info();
  return {
    backend,
    details: `${variant}, ${threads === 1 ? 'one thread' : `${threads} threads`}: ${threadsReason}`,
    dispose: () => backend.dispose(),
  };
}

async function loadReference(): Promise<LoadedBackend> {
  const { referenceBackend } = await import('@octet/backend-js-reference');
  return { backend: referenceBackend, details: 'exact and plain, one thread', dispose() {} };
}
