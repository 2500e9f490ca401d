import { checkOptions, numel } from '@octet/backend';
import type { Tensor } from '@octet/tensor/functional';
import { elements, type StoredDType, tensorHere } from '../elements';
import { type MakeError, makeErrorFor, type ParseOptions, quote, requireBytes } from '../errors';

const MAGIC = '\u0093NUMPY';

/** What NumPy calls the dtypes that are read. */
const stored: Readonly<Record<string, StoredDType>> = {
  f8: 'F64',
  f4: 'F32',
  f2: 'F16',
  i8: 'I64',
  i4: 'I32',
  i2: 'I16',
  i1: 'I8',
  u8: 'U64',
  u4: 'U32',
  u2: 'U16',
  u1: 'U8',
  b1: 'BOOL',
};

/**
 * The array of a NumPy file (`.npy`, written by `numpy.save`), on the default backend. Other integers than int8 and uint8
 * become int32, float16 float32, and so does float64 on a backend without it.
 *
 * The format: `\x93NUMPY`, two bytes of version, the length of the header, the header as a Python dict of `descr`,
 * `fortran_order` and `shape`, then the elements.
 *
 * @throws FormatError for bytes that aren't such a file, of a dtype that isn't read or of big-endian elements, and for
 * integers that don't fit int32
 */
export function parseNpy(bytes: Uint8Array, options?: ParseOptions): Tensor {
  const { file } = checkOptions('parseNpy', options, 'file');
  requireBytes('parseNpy', bytes);
  return readNpy(bytes, makeErrorFor('npy', file));
}

/** @throws FormatError */
export function readNpy(bytes: Uint8Array, makeError: MakeError): Tensor {
  const { descr, fortran, shape, begin } = readHeader(bytes, makeError);
  const [, order, kind] = /^([<>|=])([fiub]\d)$/.exec(descr) ?? [];
  if (kind === undefined || !Object.hasOwn(stored, kind))
    throw makeError('descr', 'numbers or booleans', quote(descr), {
      fix: 'Convert the array first: array.astype(numpy.float32).',
    });
  const element = elements[stored[kind]];
  if (order === '>' && element.bytes > 1)
    throw makeError('descr', 'little-endian elements', quote(descr), {
      fix: "Convert the array first: array.astype(array.dtype.newbyteorder('<')).",
    });
  const count = numel(shape);
  const length = count * element.bytes;
  if (bytes.length - begin !== length)
    throw makeError(
      'the data',
      `${length} bytes for shape [${shape.join(', ')}]`,
      String(bytes.length - begin),
    );
  const raw = bytes.slice(begin);
  const data = element.decode(raw, makeError, 'the data');
  const ordered = fortran ? rowMajor(data, shape) : data;
  return tensorHere('the array', ordered, shape, element.dtype);
}

interface NpyHeader {
  readonly descr: string;
  readonly fortran: boolean;
  readonly shape: number[];
  readonly begin: number;
}

function readHeader(bytes: Uint8Array, makeError: MakeError): NpyHeader {
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC) throw makeError('the file', 'a NumPy array', 'something else');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6] >= 2;
  const start = wide ? 12 : 10;
  if (bytes.length < start) throw makeError('the header', `${start} bytes at least`, `${bytes.length}`);
  const begin = start + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  if (begin > bytes.length) throw makeError('the header', 'no longer than the file', `${begin} bytes`);
  const text = Array.from(bytes.subarray(start, begin), (code) => String.fromCharCode(code)).join('');
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const sizes = /'shape':\s*\(([\d\s,]*)\)/.exec(text)?.[1];
  if (descr === undefined || fortran === undefined || sizes === undefined)
    throw makeError('the header', 'descr, fortran_order and shape of one array', quote(text.trim()));
  const shape = sizes
    .split(',')
    .map((size) => size.trim())
    .filter((size) => size !== '')
    .map(Number);
  return { descr, fortran: fortran === 'True', shape, begin };
}

/** From the order in which the first index runs fastest. */
function rowMajor<T extends { readonly length: number; slice(): T; [i: number]: number }>(
  data: T,
  shape: readonly number[],
): T {
  const out = data.slice();
  const index = shape.map(() => 0);
  for (let i = 0; i < out.length; i++) {
    let at = 0;
    for (let d = shape.length - 1; d >= 0; d--) at = at * shape[d] + index[d];
    out[i] = data[at];
    for (let d = shape.length - 1; d >= 0 && ++index[d] === shape[d]; d--) index[d] = 0;
  }
  return out;
}
