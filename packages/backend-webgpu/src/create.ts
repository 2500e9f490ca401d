import { type Backend, BackendError, checkOptions } from '@octet/backend';
import { findAdapter, hasDotProduct, requestDevice } from './adapter';
import { dtypes, type GpuBuffer } from './buffers';
import { compile } from './compile';
import type { DeviceLostError } from './errors';
import { Gpu } from './gpu';
import { makeKernels } from './kernels';

const megabyte = 2 ** 20;

/** A `GPUDevice`, described without WebGPU's types, which not every program has. */
export interface DeviceLike {
  readonly limits: object;
  readonly queue: object;
  createBuffer(descriptor: never): object;
}

/** A `GPUAdapter`. */
export interface AdapterLike {
  readonly limits: object;
  requestDevice(descriptor?: never): Promise<object>;
}

export interface WebgpuBackendOptions {
  /** A device to share with the rest of the program. `dispose` leaves it alive. */
  device?: DeviceLike;
  /** An adapter to make the device from. It gives one device only. */
  adapter?: AdapterLike;
  /** Which GPU of several, where neither device nor adapter is given. */
  powerPreference?: 'low-power' | 'high-performance';
  /** Whether int8 kernels use `dot4I8Packed`. 'auto' (the default): if the device has it. Results are the same integers. */
  dotProduct?: boolean | 'auto';
  /** Bytes of freed buffers that are kept for reuse. 512 MiB. */
  idleMemory?: number;
  /** Told once when the GPU goes away: driver reset, device unplugged, … Every call throws the same error from then on. */
  onLost?: (error: DeviceLostError) => void;
  /**
   * Told at once of what the GPU finds wrong (out of memory, …), which the next `read` or `sync` throws. Without it the
   * error is also written to the console.
   */
  onError?: (error: BackendError) => void;
}

export interface WebgpuBackend extends Backend<GpuBuffer> {
  memory(): { buffers: number; bytes: number };
  info(): Record<string, string | number | boolean>;
  sync(): Promise<void>;
  dispose(): void;
}

/**
 * A backend on a GPU: the browser's, or in Node the one of the package `webgpu`. It can't be read synchronously: use
 * `await tensor.data()`.
 *
 * @throws BackendError if there is no WebGPU, no adapter, or no device, with what to do about it
 */
export async function createWebgpuBackend(options: WebgpuBackendOptions = {}): Promise<WebgpuBackend> {
  checkOptions(
    'createWebgpuBackend',
    options,
    'device adapter powerPreference dotProduct idleMemory onLost onError',
  );
  const { powerPreference, dotProduct = 'auto', idleMemory = 512 * megabyte, onLost, onError } = options;
  const given = options.device as GPUDevice | undefined;
  const adapter = given
    ? undefined
    : ((options.adapter as GPUAdapter | undefined) ?? (await findAdapter(powerPreference)));
  const device = given ?? (await requestDevice(adapter as GPUAdapter));
  const has = await hasDotProduct(device);
  if (dotProduct === true && !has) {
    throw new BackendError({
      op: 'createWebgpuBackend',
      expected: 'a GPU with dot4I8Packed, as dotProduct: true demands',
      found: 'one without packed_4x8_integer_dot_product',
      fix: "Leave dotProduct at 'auto': results are the same integers either way.",
    });
  }
  const gpu = new Gpu(device, {
    dotProduct: dotProduct === 'auto' ? has : dotProduct,
    maxIdleBytes: idleMemory,
    ownsDevice: !given,
    onLost,
    onError,
  });
  const kernels = makeKernels(gpu);
  const own = new Set<unknown>(Object.values(kernels));
  const { vendor, architecture, description, isFallbackAdapter } = device.adapterInfo ?? adapter?.info ?? {};
  return {
    name: 'webgpu',
    dtypes,
    kernels,
    profiles: ['inference-int8', 'inference-float', 'training'],
    allocate: (dtype, length) => gpu.allocate(dtype, length),
    write: (buffer, data) => gpu.write(buffer, data),
    read: (buffer, length) => gpu.read(buffer, length),
    free: (buffer) => gpu.free(buffer),
    compile: (program) => compile(gpu, program, (kernel) => own.has(kernel)),
    memory: () => gpu.memory(),
    info: () => ({
      adapter: [vendor, architecture, description].filter(Boolean).join(' ') || 'unknown',
      software: isFallbackAdapter ?? false,
      features: [...device.features].join(' '),
      ...gpu.info(),
    }),
    sync: () => gpu.sync(),
    dispose: () => gpu.dispose(),
  };
}
