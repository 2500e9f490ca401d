import {
  type Backend,
  DTypeError,
  hostArray,
  ShapeError,
  type StorageDType,
  type TypedArray,
} from '@octet/backend';
import { aliveBuffers, HostBuffer } from './host-buffer';
import { kernels } from './kernels';

const dtypes: readonly StorageDType[] = ['float32', 'float64', 'int32', 'uint8', 'int8', 'bool'];

function checkLength(op: string, buffer: HostBuffer, length: number): void {
  if (Number.isInteger(length) && length >= 0 && length <= buffer.length) return;
  throw new ShapeError({
    op,
    expected: `a number of elements from 0 to ${buffer.length}, the buffer's length`,
    found: `${length}`,
    fix: 'Allocate a buffer that is long enough.',
  });
}

function readSync(buffer: HostBuffer, length: number): TypedArray {
  const { data } = buffer;
  checkLength('read', buffer, length);
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
    if (!dtypes.includes(dtype)) {
      throw new DTypeError({
        op: 'allocate',
        expected: `one of ${dtypes.join(', ')}`,
        found: `${dtype}`,
        fix: 'Allocate by the storage dtype: storageDType(dtype).',
      });
    }
    return new HostBuffer(dtype, length);
  },

  write(buffer, data) {
    const to = buffer.data;
    // Only the type tag is compared: bool and uint8 share an array type.
    if (to.constructor !== data.constructor) {
      throw new DTypeError({
        op: 'write',
        expected: `a ${hostArray(buffer.dtype, 0).constructor.name} for a buffer of ${buffer.dtype}`,
        found: `a ${data.constructor.name} of ${data.length} elements`,
        fix: 'Convert the data before writing it: numbers are never converted silently.',
      });
    }
    checkLength('write', buffer, data.length);
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
