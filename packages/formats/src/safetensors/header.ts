import type { DType } from '@octet/backend';
import type { QParams } from '@octet/tensor/functional';
import { elements, isRead, type StoredDType } from '../elements';
import { type MakeError, quote } from '../errors';
import { byteLength, isSize } from '../sizes';
import { decodeUtf8 } from '../text';
import { duplicateKey, isObject, isWellFormed } from './json';
import { parseQuantized, parseQuantizedTable, QUANTIZED } from './quantized';

/** The bytes before the header, which hold its length. */
export const PREFIX_BYTES = 8;

/** The longest header that is read or written: the limit of the official library. */
export const MAX_HEADER_BYTES = 100_000_000;

/** What a file says of one tensor. */
export interface TensorInfo {
  /** The dtype of the tensor that reading it gives; undefined for one that can't be read. */
  readonly dtype: DType | undefined;
  readonly shape: readonly number[];
  /** How its elements are stored: a `StoredDType`, if it can be read. */
  readonly stored: StoredDType | (string & {});
  /** Scale and zero point of a quantized tensor. */
  readonly qparams: QParams | undefined;
  /** Where its bytes lie in the data, which follows the header. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The length of the header of a file of `fileBytes` bytes, from the first eight of them. */
export function parsePrefix(prefix: Uint8Array, fileBytes: number, makeError: MakeError): number {
  const field = 'header length';
  if (fileBytes < PREFIX_BYTES || prefix.length < PREFIX_BYTES)
    throw makeError(field, `${PREFIX_BYTES} bytes`, `a file of ${fileBytes} bytes`);
  const { buffer, byteOffset } = prefix;
  const length = new DataView(buffer, byteOffset, PREFIX_BYTES).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) throw makeError(field, `at most ${MAX_HEADER_BYTES}`, String(length));
  if (length > fileBytes - PREFIX_BYTES)
    throw makeError(field, `at most the ${fileBytes - PREFIX_BYTES} bytes that follow it`, String(length));
  return Number(length);
}

/** Reads and checks a header that `dataBytes` bytes of data follow. Nothing is allocated by what it claims. */
export function parseHeader(bytes: Uint8Array, dataBytes: number, makeError: MakeError): Header {
  const { __metadata__: metadata, ...entries } = parseJson(bytes, makeError);
  const strings = parseMetadata(metadata, makeError);
  const { [QUANTIZED]: json = '{}', ...rest } = strings;
  const quantized = parseQuantizedTable(json, makeError);

  const tensors = new Map<string, TensorInfo>();
  for (const [name, entry] of Object.entries(entries)) {
    const plain = parseEntry(name, entry, makeError);
    const described = quantized.get(name);
    tensors.set(name, described ? { ...plain, ...parseQuantized(name, described, plain, makeError) } : plain);
    quantized.delete(name);
  }
  for (const name of quantized.keys())
    throw makeError(`${QUANTIZED} ${quote(name)}`, 'the name of a tensor', 'none of that name');
  checkLayout(tensors, dataBytes, makeError);
  return { tensors, metadata: rest };
}

function parseJson(bytes: Uint8Array, makeError: MakeError): Record<string, unknown> {
  let text: string;
  try {
    text = decodeUtf8(bytes);
  } catch (cause) {
    throw makeError('header', 'UTF-8', 'other bytes', { cause });
  }
  if (text[0] !== '{') throw makeError('header', "a JSON object that starts with '{'", quote(text));
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw makeError('header', 'JSON', quote(text), { cause });
  }
  const twice = duplicateKey(text);
  if (twice !== undefined) throw makeError('header', 'an object of distinct keys', `${quote(twice)} twice`);
  return header;
}

function parseMetadata(metadata: unknown, makeError: MakeError): Record<string, string> {
  const field = '__metadata__';
  if (metadata === undefined) return {};
  if (!isObject(metadata)) throw makeError(field, 'an object of strings', quote(metadata));
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') throw makeError(`${field}[${quote(key)}]`, 'a string', quote(value));
    if (!isWellFormed(key) || !isWellFormed(value))
      throw makeError(`${field}[${quote(key)}]`, 'Unicode text', 'half a surrogate pair');
  }
  return metadata as Record<string, string>;
}

function parseEntry(name: string, entry: unknown, makeError: MakeError): TensorInfo {
  const field = quote(name);
  if (!isWellFormed(name)) throw makeError(field, 'Unicode text', 'half a surrogate pair');
  if (!isObject(entry)) throw makeError(field, 'an object with dtype, shape and data_offsets', quote(entry));
  const { dtype: stored, shape, data_offsets: offsets } = entry;

  if (typeof stored !== 'string') throw makeError(`${field}.dtype`, 'the name of a dtype', quote(stored));
  if (!Array.isArray(shape) || !shape.every(isSize))
    throw makeError(`${field}.shape`, 'a list of whole numbers >= 0', quote(shape));
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize) || offsets[0] > offsets[1])
    throw makeError(
      `${field}.data_offsets`,
      '[begin, end], whole numbers with 0 <= begin <= end',
      quote(offsets),
    );

  const [begin, end] = offsets;
  const plain = { shape, stored, qparams: undefined, begin, end };
  // How many bytes it takes is not known; nothing but its name will be used.
  if (!isRead(stored)) return { ...plain, dtype: undefined };
  const { bytes, dtype } = elements[stored];
  const wanted = byteLength(shape, bytes);
  if (wanted === undefined)
    throw makeError(`${field}.shape`, 'that of a tensor that can exist', quote(shape));
  if (end - begin !== wanted)
    throw makeError(
      `${field}.data_offsets`,
      `${wanted} bytes apart for ${stored} ${quote(shape)}`,
      quote(offsets),
    );
  return { ...plain, dtype };
}

/** The tensors must cover the data from end to end, each byte once. */
function checkLayout(
  tensors: ReadonlyMap<string, TensorInfo>,
  dataBytes: number,
  makeError: MakeError,
): void {
  let covered = 0;
  const inOrder = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  for (const [name, { begin, end }] of inOrder) {
    if (begin !== covered)
      throw makeError(
        `${quote(name)}.data_offsets`,
        `the next after those that end at ${covered}`,
        quote([begin, end]),
      );
    covered = end;
  }
  if (covered !== dataBytes)
    throw makeError('data', `${covered} bytes, as its tensors take`, `${dataBytes} bytes`);
}
