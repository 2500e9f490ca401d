/** Octet's backend for CPUs: WebAssembly with SIMD and threads. */
export { WasmBuffer } from './buffers';
export { createWasmBackend, type WasmBackend, type WasmBackendOptions } from './create';
export type { Dot } from './features';
