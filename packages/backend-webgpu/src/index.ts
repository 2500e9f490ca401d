/** Octet's backend for GPUs: WebGPU compute shaders, in browsers and in Node. */
export { GpuBuffer } from './buffers';
export {
  type AdapterLike,
  createWebgpuBackend,
  type DeviceLike,
  type WebgpuBackend,
  type WebgpuBackendOptions,
} from './create';
export { DeviceLostError } from './errors';
