import { type Backend, DTypeError } from '@octet/backend';
import { getBackend } from '@octet/tensor';
import { FormatError, parseSafetensors } from '../src';

/** The default backend. */
export const referenceBackend = getBackend();

/** As the wasm backend, which knows no float64. */
export const withoutFloat64: Backend = {
  ...referenceBackend,
  name: 'no-float64',
  dtypes: referenceBackend.dtypes.filter((dtype) => dtype !== 'float64'),
  allocate(dtype, size) {
    if (dtype === 'float64')
      throw new DTypeError({ op: 'allocate', expected: 'another', found: dtype, fix: 'Use the js backend.' });
    return referenceBackend.allocate(dtype, size);
  },
};

/** A file from its parts, each of which a test may get wrong. */
export function fileOf(header: unknown, data: ArrayLike<number> = [], length?: number | bigint): Uint8Array {
  const json =
    header instanceof Uint8Array
      ? header
      : new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length ?? json.length), true);
  file.set(json, 8);
  file.set(Uint8Array.from(data), 8 + json.length);
  return file;
}

/** The refusal of a file. */
export function refusal(read: () => unknown): FormatError {
  try {
    read();
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  throw new Error('the file was not refused');
}

export function refusalOf(header: unknown, data?: ArrayLike<number>, length?: number | bigint): FormatError {
  return refusal(() =>
    parseSafetensors(fileOf(header, data, length), { file: 'm.safetensors' }).toStateDict(),
  );
}

/** The bytes of numbers of any kind. */
export function bytes(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** As WebGPU's, which gives its elements only to those who wait. */
export const asynchronous: Backend = { ...referenceBackend, name: 'async', readSync: undefined };
