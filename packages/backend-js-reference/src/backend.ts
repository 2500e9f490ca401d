import {
  type Backend,
  requireArrayOf,
  requireElements,
  requireStorageDType,
  type StorageDType,
  type TypedArray,
} from '@octet/backend';
import { aliveBuffers, HostBuffer } from './host-buffer';
import { kernels } from './kernels';

const dtypes: readonly StorageDType[] = ['float32', 'float64', 'int32', 'uint8', 'int8', 'bool'];

function readSync(buffer: HostBuffer, length: number): TypedArray {
  const { data } = buffer;
  requireElements('read', buffer, length);
  return data.slice(0, length);
}

/**
 * The reference: every kernel of the table in plain JavaScript, on ordinary typed arrays, for every dtype. What it
 * computes is what the kernels mean; other backends are tested against it.
 */
export const referenceBackend: Backend<HostBuffer> = {
  name: 'js',
  dtypes,
  kernels,
  profiles: ['inference-int8', 'inference-float', 'training'],

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
