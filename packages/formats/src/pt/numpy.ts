import { contiguous, permute, type Tensor } from '@octet/tensor/functional';
import { elements, type StoredDType, tensorHere } from '../elements';
import { FormatError, type MakeError, quote } from '../errors';
import { byteLength, isSize } from '../sizes';
import { type Context, call } from './pickle';

/** A dtype of NumPy by its code, such as `f4`, and its byte order. */
export class NumpyDType {
  private bigEndian = false;

  constructor(readonly code: string) {}

  /** `(version, byte order, …)` */
  build(state: unknown): void {
    this.bigEndian = Array.isArray(state) && state[1] === '>';
  }

  get stored(): StoredDType | undefined {
    return Object.hasOwn(storedOf, this.code) ? storedOf[this.code] : undefined;
  }

  /** NumPy's name where it has one. */
  toString(): string {
    const { stored } = this;
    return stored ? names[stored] : this.code;
  }

  /** The bytes of elements as other files have them: little-endian, at an address of any element size. */
  littleEndian(raw: Uint8Array, bytes: number): Uint8Array {
    const copy = raw.slice();
    return this.bigEndian ? swapped(copy, bytes) : copy;
  }
}

const storedOf: Readonly<Record<string, StoredDType>> = {
  ...{ f8: 'F64', f4: 'F32', f2: 'F16', i8: 'I64', i4: 'I32', i2: 'I16', i1: 'I8' },
  ...{ u8: 'U64', u4: 'U32', u2: 'U16', u1: 'U8', b1: 'BOOL' },
};

const names: Readonly<Record<StoredDType, string>> = {
  ...{ F64: 'float64', F32: 'float32', F16: 'float16', BF16: 'bfloat16' },
  ...{ I64: 'int64', I32: 'int32', I16: 'int16', I8: 'int8' },
  ...{ U64: 'uint64', U32: 'uint32', U16: 'uint16', U8: 'uint8', BOOL: 'bool' },
};

/** Turns the bytes of each element around, in place. */
export function swapped(raw: Uint8Array, bytes: number): Uint8Array {
  for (let at = 0; at < raw.length; at += bytes) {
    for (let i = at, j = at + bytes - 1; i < j; i++, j--) [raw[i], raw[j]] = [raw[j], raw[i]];
  }
  return raw;
}

/** An array, whose elements come by `build`. */
export class NumpyArray {
  private shape: unknown;
  private dtype: unknown;
  private fortran: unknown = false;
  private data: unknown;

  /** `(version, shape, dtype, whether in Fortran's order, elements)` */
  build(state: unknown, context: Context): void {
    [, this.shape, this.dtype, this.fortran, this.data] = Array.isArray(state) ? state : [];
    if (this.data instanceof Uint8Array) context.spend(this.data.length);
  }

  /** On the default backend; undefined for elements that are no numbers, or don't fit Octet's dtypes. */
  tensor(makeError: MakeError): Tensor | undefined {
    const { shape, dtype, fortran, data } = this;
    const stored = dtype instanceof NumpyDType ? dtype.stored : undefined;
    if (!stored || !(data instanceof Uint8Array)) return undefined;
    const { bytes, decode, dtype: ours } = elements[stored];
    if (!Array.isArray(shape) || !shape.every(isSize))
      throw makeError('.shape', 'whole numbers >= 0', quote(shape));
    if (byteLength(shape, bytes) !== data.length)
      throw makeError('', `${data.length} bytes of ${dtype}`, `an array of shape ${quote(shape)}`);
    try {
      const values = decode((dtype as NumpyDType).littleEndian(data, bytes), makeError, '');
      const made = (dims: readonly number[]) => tensorHere('a NumPy array', values, dims, ours);
      if (fortran !== true) return made([...shape]);
      const axes = shape.map((_, dim) => shape.length - 1 - dim);
      return contiguous(permute(made([...shape].reverse()), axes));
    } catch (error) {
      if (error instanceof FormatError) return undefined;
      throw error;
    }
  }
}

/** A number, truth value or text of NumPy. */
function scalar(dtype: unknown, raw: unknown): unknown {
  if (!(dtype instanceof NumpyDType) || !(raw instanceof Uint8Array)) return undefined;
  if (dtype.code[0] === 'U' && raw.length % 4 === 0) {
    const points = new Uint32Array(dtype.littleEndian(raw, 4).buffer);
    return points.every((point) => point < 0x110000) ? String.fromCodePoint(...points) : undefined;
  }
  const { stored } = dtype;
  if (!stored || raw.length !== elements[stored].bytes) return undefined;
  const { buffer } = dtype.littleEndian(raw, raw.length);
  // Those whose elements a tensor would not hold.
  if (stored === 'I64' || stored === 'U64') {
    const [value] = stored === 'I64' ? new BigInt64Array(buffer) : new BigUint64Array(buffer);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }
  if (stored === 'U32') return new Uint32Array(buffer)[0];
  const [value] = elements[stored].decode(new Uint8Array(buffer), neverRefuses, '');
  return stored === 'BOOL' ? value !== 0 : value;
}

const neverRefuses: MakeError = (field, expected, found) =>
  new FormatError({ format: 'pt', field, expected, found });

/** The globals of pickled NumPy values. */
export const numpyGlobals: readonly (readonly [name: string, value: unknown])[] = [
  [
    'numpy.dtype',
    call(3, ([code], _, context) =>
      typeof code === 'string' ? new NumpyDType(code) : context.opaque('numpy.dtype', [code]),
    ),
  ],
  [
    'numpy._core.multiarray.scalar',
    call(2, (args, _, context) => scalar(args[0], args[1]) ?? context.opaque('numpy scalar', args)),
  ],
  ['numpy._core.multiarray._reconstruct', call(3, () => new NumpyArray())],
  [
    'numpy._core.numeric._frombuffer',
    call(4, ([buffer, dtype, shape, order], _, context) => {
      const array = new NumpyArray();
      array.build([1, shape, dtype, order === 'F', buffer], context);
      return array;
    }),
  ],
];
