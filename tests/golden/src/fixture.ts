import { fromData, type Tensor } from '@octet/tensor';

/** The dtypes of the fixtures; booleans are stored as U8. */
export type HostDType = 'F32' | 'F64' | 'I8' | 'U8' | 'I32' | 'I64';

export type HostArray = Float32Array | Float64Array | Int8Array | Uint8Array | Int32Array;

/** A stored tensor, row-major. I64 is read into float64 numbers, all of them whole. */
export interface HostTensor {
  readonly dtype: HostDType;
  readonly shape: readonly number[];
  readonly data: HostArray;
}

export interface Fixture {
  readonly params: Readonly<Record<string, unknown>>;
  /** By their names without `in.`. */
  readonly in: Readonly<Record<string, HostTensor>>;
  /** By their names without `out.`; all names with neither prefix are here too. */
  readonly out: Readonly<Record<string, HostTensor>>;
}

const arrays = {
  F32: Float32Array,
  F64: Float64Array,
  I8: Int8Array,
  U8: Uint8Array,
  I32: Int32Array,
  I64: BigInt64Array,
} as const;

/**
 * Reads one fixture (safetensors). It trusts its input and shares no code with the library on purpose: what checks the
 * library must not lean on it.
 */
export function parseFixture(bytes: Uint8Array): Fixture {
  const headerLength = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)));
  const { __metadata__: metadata, ...entries } = header;
  const groups: Record<string, Record<string, HostTensor>> = { in: {}, out: {} };
  for (const [name, { dtype, shape, data_offsets }] of Object.entries<Entry>(entries)) {
    const [begin, end] = data_offsets.map((offset) => bytes.byteOffset + 8 + headerLength + offset);
    // slice copies, so that the array starts where its element size wants it.
    const raw = new arrays[dtype](bytes.buffer.slice(begin, end) as ArrayBuffer);
    const data = raw instanceof BigInt64Array ? Float64Array.from(raw, Number) : raw;
    const [, group, rest] = /^(in|out)\.(.*)/.exec(name) ?? ['', 'out', name];
    groups[group][rest] = { dtype, shape, data };
  }
  return { params: JSON.parse(metadata.params), in: groups.in, out: groups.out };
}

interface Entry {
  dtype: HostDType;
  shape: number[];
  data_offsets: [number, number];
}

/** As a tensor on the default backend; I64 becomes int32. */
export function toTensor({ dtype, shape, data }: HostTensor): Tensor {
  return fromData(data, shape, dtype === 'I64' ? { dtype: 'int32' } : {});
}
