import { type DType, type StorageDType, type TypedArray, warnOnce } from '@octet/backend';
import { fromData, getBackend, type Tensor } from '@octet/tensor/functional';
import type { MakeError } from './errors';

/** How a file stores elements that are read. */
export type StoredDType =
  | 'F64'
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'I64'
  | 'I32'
  | 'I16'
  | 'I8'
  | 'U64'
  | 'U32'
  | 'U16'
  | 'U8'
  | 'BOOL';

interface Element {
  /** Bytes of one element in the file. */
  readonly bytes: number;
  /** What it becomes in a tensor. */
  readonly dtype: StorageDType;
  /** `raw` starts at a multiple of `bytes` in its buffer. */
  decode(raw: Uint8Array, makeError: MakeError, field: string): TypedArray;
}

type ArrayType<T> = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => T;

function view<T>(type: ArrayType<T>, bytes: number, raw: Uint8Array): T {
  return new type(raw.buffer, raw.byteOffset, raw.byteLength / bytes);
}

function plain(
  dtype: StorageDType,
  type: ArrayType<TypedArray> & { readonly BYTES_PER_ELEMENT: number },
): Element {
  const bytes = type.BYTES_PER_ELEMENT;
  return { bytes, dtype, decode: (raw) => view(type, bytes, raw) };
}

/** The dtypes that are read: I16 and U16 are widened to int32, I64, U32 and U64 narrowed to it; F16 and BF16 are widened to float32. */
export const elements: Readonly<Record<StoredDType, Element>> = {
  F64: plain('float64', Float64Array),
  F32: plain('float32', Float32Array),
  I32: plain('int32', Int32Array),
  I16: { bytes: 2, dtype: 'int32', decode: (raw) => Int32Array.from(view(Int16Array, 2, raw)) },
  I8: plain('int8', Int8Array),
  U8: plain('uint8', Uint8Array),
  BOOL: plain('bool', Uint8Array),
  I64: { bytes: 8, dtype: 'int32', decode: narrow(BigInt64Array) },
  U16: { bytes: 2, dtype: 'int32', decode: (raw) => Int32Array.from(view(Uint16Array, 2, raw)) },
  U32: { bytes: 4, dtype: 'int32', decode: narrow(Uint32Array) },
  U64: { bytes: 8, dtype: 'int32', decode: narrow(BigUint64Array) },
  F16: {
    bytes: 2,
    dtype: 'float32',
    decode: (raw) => Float32Array.from(view(Uint16Array, 2, raw), halfToFloat),
  },
  BF16: { bytes: 2, dtype: 'float32', decode: widenBrain },
};

/** Whether tensors that are stored so can be read. */
export function isRead(stored: string): stored is StoredDType {
  return Object.hasOwn(elements, stored);
}

/** The dtype that each storage dtype is written as. */
export const storedAs: Readonly<Record<StorageDType, StoredDType>> = {
  float64: 'F64',
  float32: 'F32',
  int32: 'I32',
  int8: 'I8',
  uint8: 'U8',
  bool: 'BOOL',
};

function narrow(
  type: ArrayType<Iterable<number | bigint> & { readonly length: number }> & {
    readonly BYTES_PER_ELEMENT: number;
  },
): Element['decode'] {
  return (raw, makeError, field) =>
    Int32Array.from(view(type, type.BYTES_PER_ELEMENT, raw), (value: number | bigint) => {
      const number = Number(value);
      if (number === (number | 0)) return number;
      throw makeError(field, 'integers that fit int32', String(value), {
        fix: 'Octet has no int64: store such numbers as float64.',
      });
    });
}

/** The dtype of a tensor on the default backend: float32 for float64 where that isn't known. */
export function dtypeHere<D extends DType>(dtype: D): D | 'float32' {
  return dtype === 'float64' && !getBackend().dtypes.includes(dtype) ? 'float32' : dtype;
}

/** A tensor on the default backend, of `dtypeHere`; the first that loses digits there is said. */
export function tensorHere(
  name: string,
  data: TypedArray,
  shape: readonly number[],
  dtype: StorageDType,
): Tensor {
  const here = dtypeHere(dtype);
  if (here !== dtype) {
    const backend = getBackend().name;
    warnOnce(
      `float64 in a file on ${backend}`,
      `${name}: float64 is read as float32, for backend '${backend}' has no float64. Other tensors may be, too.`,
    );
  }
  return fromData(data, shape, { dtype: here });
}

/** IEEE half precision: 1 sign, 5 exponent and 10 fraction bits. */
function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** A bfloat16 is the upper half of a float32. */
function widenBrain(raw: Uint8Array): Float32Array {
  const words = Uint32Array.from(view(Uint16Array, 2, raw), (bits) => bits << 16);
  return new Float32Array(words.buffer);
}
