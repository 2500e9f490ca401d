import { formatShape, numel } from '@octet/tensor';
import { cannotImport } from '../errors';
import type { FileDType } from '../graph-module';
import { checkedInt, type HostDType, HostTensor } from '../host-tensor';
import { EXTERNAL, nameIn, dataTypes as T } from '../numbers';
import type { TensorProto } from '../onnx.generated';
import type { TensorInFile } from './decode';

/** Finds bytes of an external file, or of the model's own: `length` of them from `offset`, or to the end. */
export type ReadBytes = (
  location: string | undefined,
  offset: number,
  length: number | undefined,
) => FoundBytes;

interface FoundBytes {
  readonly bytes: Uint8Array;
  /** Whether nobody else has them. */
  readonly own: boolean;
}

/** The dtype that Octet has for one of ONNX; undefined if it has none. */
export function dtypeOf(type: number): HostDType | undefined {
  return kindOf(type)?.dtype;
}

/** What the file calls a dtype that is read as another; undefined for the others, and for those that aren't written. */
export function fileDtypeOf(type: number): FileDType | undefined {
  if (type === T.INT64) return 'int64';
  return type === T.DOUBLE ? 'float64' : undefined;
}

interface Kind {
  readonly dtype: HostDType;
  /** Bits of an element in raw data. */
  readonly bits: number;
  /** From raw data that begins anywhere; little-endian. */
  read(view: DataView, at: number): number;
  /** From the field for typed data. */
  typed?(value: number | bigint): number;
  /** The array that raw data is, where it can be taken as it lies. */
  readonly array?: typeof Float32Array | typeof Int32Array | typeof Uint8Array | typeof Int8Array;
}

const whole = (value: number | bigint) => checkedInt(Number(value));
const bits32 = /* @__PURE__ */ new DataView(/* @__PURE__ */ new ArrayBuffer(4));

const makeKinds = (): Readonly<Record<number, Kind>> => ({
  [T.FLOAT]: { dtype: 'float32', bits: 32, read: (v, i) => v.getFloat32(4 * i, true), array: Float32Array },
  [T.DOUBLE]: { dtype: 'float32', bits: 64, read: (v, i) => v.getFloat64(8 * i, true) },
  [T.FLOAT16]: {
    ...{ dtype: 'float32', bits: 16, read: (v, i) => half(v.getUint16(2 * i, true)) },
    typed: (v) => half(Number(v) & 0xffff),
  },
  [T.BFLOAT16]: {
    ...{ dtype: 'float32', bits: 16, read: (v, i) => brain(v.getUint16(2 * i, true)) },
    typed: (v) => brain(Number(v) & 0xffff),
  },
  [T.INT32]: { dtype: 'int32', bits: 32, read: (v, i) => v.getInt32(4 * i, true), array: Int32Array },
  [T.INT64]: { dtype: 'int32', bits: 64, read: (v, i) => whole(v.getBigInt64(8 * i, true)), typed: whole },
  [T.UINT32]: { dtype: 'int32', bits: 32, read: (v, i) => whole(v.getUint32(4 * i, true)), typed: whole },
  [T.UINT64]: { dtype: 'int32', bits: 64, read: (v, i) => whole(v.getBigUint64(8 * i, true)), typed: whole },
  [T.INT16]: { dtype: 'int32', bits: 16, read: (v, i) => v.getInt16(2 * i, true) },
  [T.UINT16]: { dtype: 'int32', bits: 16, read: (v, i) => v.getUint16(2 * i, true) },
  [T.INT8]: { dtype: 'int8', bits: 8, read: (v, i) => v.getInt8(i), array: Int8Array },
  [T.UINT8]: { dtype: 'uint8', bits: 8, read: (v, i) => v.getUint8(i), array: Uint8Array },
  [T.BOOL]: {
    dtype: 'bool',
    bits: 8,
    read: (v, i) => Number(v.getUint8(i) !== 0),
    typed: (v) => Number(v !== 0),
  },
  [T.UINT4]: { dtype: 'uint8', bits: 4, read: (v, i) => nibble(v, i) },
  [T.INT4]: { dtype: 'int8', bits: 4, read: (v, i) => (nibble(v, i) << 28) >> 28 },
});

let kinds: Readonly<Record<number, Kind>> | undefined;

function kindOf(type: number): Kind | undefined {
  kinds = kinds ?? makeKinds();
  return kinds[type];
}

function nibble(view: DataView, i: number): number {
  return (view.getUint8(i >> 1) >> (4 * (i & 1))) & 15;
}

/** IEEE 754's 16 bits. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function brain(bits: number): number {
  bits32.setUint32(0, bits << 16);
  return bits32.getFloat32(0);
}

/** What a file may say of a tensor's elements before they are looked at. */
const maxElements = 2 ** 31;

/**
 * The elements of a tensor. Raw data of a dtype that Octet has is a view of the file where its place allows it; float16,
 * bfloat16 and float64 become float32, wider integers int32, 4-bit ones are unpacked.
 * `own`: whether nobody else has the bytes of `proto`.
 * @throws OnnxImportError for other types, for data that doesn't fit the shape, and for integers beyond 32 bits
 */
export function readTensor(proto: TensorProto, where: string, read: ReadBytes, own = false): HostTensor {
  const kind = kindOf(proto.dataType);
  const name = nameIn(T, proto.dataType);
  if (!kind) {
    throw cannotImport(where, {
      expected: 'numbers: float, float16, bfloat16, double, bool, or integers of 4 to 64 bits',
      found: name,
      fix: 'Convert the model to one of these.',
    });
  }
  const shape = proto.dims.map(Number);
  const size = numel(shape);
  if (shape.some((d) => d < 0) || size > maxElements) {
    throw cannotImport(where, { expected: 'a shape', found: formatShape(shape) });
  }
  try {
    const raw = rawBytes(proto, read, own);
    const t = raw
      ? new HostTensor(fromRaw(kind, raw.bytes, size), shape, kind.dtype)
      : fromTyped(proto, kind, shape, size);
    if (!raw || raw.own || t.data.buffer !== raw.bytes.buffer) ours.add(t);
    return t;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw cannotImport(
      where,
      { expected: `${size} elements of ${name}`, found: foundIn(error) },
      { cause: error },
    );
  }
}

/** Tensors whose elements nobody outside of the importer has. */
const ours = /* @__PURE__ */ new WeakSet<HostTensor>();

/** Whether the elements of a tensor of a file may be changed where they lie, as far as the file goes. */
export function isOurs(t: HostTensor): boolean {
  return ours.has(t);
}

/** Says that there are others who read a tensor. */
export function share(t: HostTensor): void {
  ours.delete(t);
}

/** Frees the elements of a tensor that nobody reads any more, where the engine can; else that is for garbage collection. */
export function discard(t: HostTensor): void {
  if (!isOurs(t)) return;
  const { buffer } = t.data as { buffer: ArrayBuffer & { transfer?(length: number): ArrayBuffer } };
  buffer.transfer?.(0);
}

function foundIn(error: Error): string {
  return 'found' in error ? String(error.found) : error.message;
}

function rawBytes(proto: TensorInFile, read: ReadBytes, own: boolean): FoundBytes | undefined {
  if (proto.dataLocation === EXTERNAL) {
    const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
    const number = (key: string) => (entries.has(key) ? Number(entries.get(key)) : undefined);
    return read(entries.get('location') ?? '', number('offset') ?? 0, number('length'));
  }
  const { rawData, rawDataAt } = proto;
  if (rawDataAt) return read(undefined, rawDataAt.offset, rawDataAt.length);
  return rawData.length > 0 ? { bytes: rawData, own } : undefined;
}

function fromRaw(kind: Kind, raw: Uint8Array, size: number) {
  const bytes = Math.ceil((size * kind.bits) / 8);
  if (raw.length < bytes) throw new RangeError(`${raw.length} bytes for ${bytes}`);
  if (raw.length > bytes) throw new RangeError(`${raw.length} bytes, more than ${bytes}`);
  if (kind.array && raw.byteOffset % (kind.bits / 8) === 0) {
    return new kind.array(raw.buffer as ArrayBuffer, raw.byteOffset, size);
  }
  if (kind.array) return new kind.array(new Uint8Array(raw).buffer); // A Buffer's own slice is a view.
  const out = HostTensor.zeros([size], kind.dtype).data;
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  for (let i = 0; i < size; i++) out[i] = kind.read(view, i);
  return out;
}

function fromTyped(proto: TensorProto, kind: Kind, shape: readonly number[], size: number): HostTensor {
  const { floatData, int32Data, int64Data, doubleData, uint64Data } = proto;
  const packed = kind.bits === 4;
  const values: ArrayLike<number | bigint> =
    [floatData, int32Data, int64Data, doubleData, uint64Data].find((list) => list.length > 0) ?? [];
  if (values.length !== (packed ? Math.ceil(size / 2) : size))
    throw new RangeError(`${values.length} values`);
  const out = HostTensor.zeros(shape, kind.dtype);
  if (packed) {
    const view = new DataView(Uint8Array.from(values as number[]).buffer);
    for (let i = 0; i < size; i++) out.data[i] = kind.read(view, i);
    return out;
  }
  for (let i = 0; i < size; i++) out.data[i] = kind.typed ? kind.typed(values[i]) : Number(values[i]);
  return out;
}
