// What this package uses of the web's and Node's globals, typed here: libraries are compiled without DOM and Node types.

export interface WasmMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  grow(pages: number): number;
}

export type WasmExports = Readonly<Record<string, (...args: number[]) => number>>;

/** A compiled `WebAssembly.Module`. */
export type WasmModule = object;

export interface WasmNamespace {
  validate(bytes: Uint8Array): boolean;
  compile(bytes: Uint8Array): Promise<WasmModule>;
  Memory: new (limits: { initial: number; maximum: number; shared?: boolean }) => WasmMemory;
  Instance: new (
    module: WasmModule,
    imports: { env: { memory: WasmMemory } },
  ) => { readonly exports: WasmExports };
  Module: { exports(module: WasmModule): { name: string; kind: string }[] };
}

/** A worker of either kind. */
export interface PlatformWorker {
  postMessage(message: unknown): void;
  terminate(): unknown;
  // Node
  on?(event: string, listener: (value: unknown) => void): void;
  ref?(): void;
  unref?(): void;
  // The web
  onmessage?: ((event: { data: unknown }) => void) | null;
  onerror?: ((event: { message?: string; preventDefault?(): void }) => void) | null;
}

interface Platform {
  performance: { now(): number };
  WebAssembly?: WasmNamespace;
  SharedArrayBuffer?: typeof SharedArrayBuffer;
  ServiceWorkerGlobalScope?: unknown;
  crossOriginIsolated?: boolean;
  navigator?: { hardwareConcurrency?: number };
  Worker?: new (url: string) => PlatformWorker;
  Blob?: new (parts: unknown[], options?: { type: string }) => { stream(): Stream };
  URL?: {
    new (url: string): object;
    createObjectURL(blob: object): string;
  };
  DecompressionStream?: new (format: 'deflate-raw') => object;
  Response?: new (body: object) => { arrayBuffer(): Promise<ArrayBuffer> };
  fetch?(url: unknown): Promise<{ ok: boolean; status: number; arrayBuffer(): Promise<ArrayBuffer> }>;
  Buffer?: { from(text: string, encoding: 'base64'): Uint8Array };
  atob?(text: string): string;
}

interface Stream {
  pipeThrough(transform: object): Stream;
}

export const platform = globalThis as unknown as Platform;
