import type { StorageDType, TypedArray } from '@octet/backend';
import type { Complain } from './errors';

interface Element {
  /** Bytes of one element in the file. */
  readonly bytes: number;
  /** What it becomes in a tensor. */
  readonly dtype: StorageDType;
  /** `raw` starts at a multiple of `bytes` in its buffer. */
  decode(raw: Uint8Array, complain: Complain, field: string): TypedArray;
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

/** The dtypes of a safetensors file that are read. */
export type StoredDType = 'F64' | 'F32' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL' | 'I64' | 'F16' | 'BF16';

/** How each is read. I64 is narrowed to int32, I16 widened to it; F16 and BF16 are widened to float32. */
export const elements: Readonly<Record<StoredDType, Element>> = {
  F64: plain('float64', Float64Array),
  F32: plain('float32', Float32Array),
  I32: plain('int32', Int32Array),
  I16: { bytes: 2, dtype: 'int32', decode: (raw) => Int32Array.from(view(Int16Array, 2, raw)) },
  I8: plain('int8', Int8Array),
  U8: plain('uint8', Uint8Array),
  BOOL: plain('bool', Uint8Array),
  I64: { bytes: 8, dtype: 'int32', decode: narrow },
  F16: {
    bytes: 2,
    dtype: 'float32',
    decode: (raw) => Float32Array.from(view(Uint16Array, 2, raw), halfToFloat),
  },
  BF16: { bytes: 2, dtype: 'float32', decode: widenBrain },
};

/** The dtype that each storage dtype is written as. */
export const storedAs: Readonly<Record<StorageDType, StoredDType>> = {
  float64: 'F64',
  float32: 'F32',
  int32: 'I32',
  int8: 'I8',
  uint8: 'U8',
  bool: 'BOOL',
};

function narrow(raw: Uint8Array, complain: Complain, field: string): Int32Array {
  return Int32Array.from(view(BigInt64Array, 8, raw), (value: bigint) => {
    const int32 = BigInt.asIntN(32, value);
    if (int32 === value) return Number(value);
    throw complain(field, 'integers that fit int32', String(value), {
      fix: 'Octet has no int64: store such numbers as float64.',
    });
  });
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
