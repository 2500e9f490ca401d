import {
  type Backend,
  type Kernels,
  requireArrayOf,
  requireElements,
  requireStorageDType,
  type StorageDType,
  type TypedArray,
} from '@octet/backend';
import { aliveBuffers, HostBuffer } from './host-buffer';

const dtypes: readonly StorageDType[] = ['float32', 'float64', 'int32', 'uint8', 'int8', 'bool'];

function readSync(buffer: HostBuffer, length: number): TypedArray {
  const { data } = buffer;
  requireElements('read', buffer, length);
  return data.slice(0, length);
}

/**
 * Ordinary typed arrays with these kernels and no others: the reference's own of `@octet/backend-js-reference/kernels`, for
 * an app that ships only what it runs, or others. A kernel that isn't there is a `MissingKernelError` when it is needed.
 */
export function createHostBackend(kernels: Partial<Kernels<HostBuffer>>): Backend<HostBuffer> {
  return {
    name: 'js',
    dtypes,
    kernels,

    allocate(dtype, length) {
      requireStorageDType(dtype, dtypes);
      return new HostBuffer(dtype, length);
    },

    write(buffer, data) {
      const to = buffer.data;
      requireArrayOf(buffer, data);
      requireElements('write', buffer, data.length);
      to.set(data);
    },

    async read(buffer, length) {
      return readSync(buffer, length);
    },
    readSync,

    free(buffer) {
      buffer.free();
    },

    memory: aliveBuffers,

    info: () => ({ language: 'javascript', threads: 1 }),
  };
}
