import { hostArray, type StorageDType, type TypedArray } from './dtype';
import { BackendError, DTypeError, FreedError, ShapeError } from './errors';

/** What backends check in common; every function throws, or makes, the error of the contract. */

/** @throws DTypeError unless the backend stores `dtype` */
export function requireStorageDType(dtype: StorageDType, dtypes: readonly StorageDType[]): void {
  if (dtypes.includes(dtype)) return;
  throw new DTypeError({
    op: 'allocate',
    expected: `one of ${dtypes.join(', ')}`,
    found: `${dtype}`,
    fix:
      dtype === 'float64'
        ? 'Use the js backend for float64.'
        : 'Allocate by the storage dtype: storageDType(dtype).',
  });
}

/** @throws ShapeError unless the buffer has that many elements */
export function requireElements(op: string, buffer: { readonly length: number }, length: number): void {
  if (Number.isInteger(length) && length >= 0 && length <= buffer.length) return;
  throw new ShapeError({
    op,
    expected: `a number of elements from 0 to ${buffer.length}, the buffer's length`,
    found: `${length}`,
    fix: 'Allocate a buffer that is long enough.',
  });
}

/** @throws DTypeError unless `data` is the kind of array that holds the buffer's dtype; bool and uint8 share one */
export function requireArrayOf({ dtype }: { readonly dtype: StorageDType }, data: TypedArray): void {
  const kind = hostArray(dtype, 0).constructor;
  if (data.constructor === kind) return;
  throw new DTypeError({
    op: 'write',
    expected: `a ${kind.name} for a buffer of ${dtype}`,
    found: `a ${data.constructor.name} of ${data.length} elements`,
    fix: 'Convert the data before writing it: numbers are never converted silently.',
  });
}

/** For a buffer that `backend` was given and didn't allocate; `isKin`: another backend of its kind did. */
export function foreignBufferError(op: string, backend: string, isKin: boolean): BackendError {
  return new BackendError({
    op,
    expected: 'a buffer that this backend allocated',
    found: isKin ? `one of another ${backend} backend's` : "another backend's",
    fix: 'Move the tensor first: tensor.to(backend).',
  });
}

/** For a buffer that was freed before. */
export function freedBufferError(
  op: string,
  buffer: { readonly dtype: StorageDType; readonly length: number },
): FreedError {
  return new FreedError({
    op,
    expected: 'a buffer that is alive',
    found: `one of ${buffer.length} elements of ${buffer.dtype} that was freed`,
    fix: 'Free a buffer (or dispose a tensor) once, after its last use.',
  });
}

/** @deprecated `foreignBufferError` */
export const foreignBuffer = foreignBufferError;

/** @deprecated `freedBufferError` */
export const freedBuffer = freedBufferError;
