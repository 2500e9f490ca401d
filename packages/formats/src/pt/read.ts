import { checkOptions } from '@octet/backend';
import type { Tensor } from '@octet/tensor/functional';
import { type MakeError, makeErrorFor, type ParseOptions, quote, requireBytes } from '../errors';
import { node } from '../node';
import { decodeUtf8, encodeUtf8 } from '../text';
import { NumpyArray, NumpyDType } from './numpy';
import { Opaque } from './opaque';
import { unpickle } from './pickle';
import { nameOf, TorchFile, TorchTensor } from './torch';
import { unzip } from './zip';

/** What a file can hold. */
export type PtValue =
  | Tensor
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PtValue[]
  | { [key: string]: PtValue }
  | Map<PtKey, PtValue>
  | Set<PtValue>
  | PtObject;

/** What a dict can have as a key: a tuple is an array. */
export type PtKey =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PtValue[]
  | Set<PtValue>
  | PtObject;

/**
 * An object of a class that isn't read, or a function: what the file says of it, and nothing that was run. What it holds is
 * read when it is asked for, with the errors of `parsePt`.
 */
export class PtObject {
  constructor(
    /** The name of the class, as in Python: `decimal.Decimal`. */
    readonly type: string,
    private readonly opaque: Opaque,
    private readonly read: (value: unknown, part: string) => PtValue,
  ) {}

  /** What it would be made with. */
  get args(): PtValue[] {
    return this.opaque.args.map((value, i) => this.read(value, `.args[${i}]`));
  }

  /** Its attributes, mostly an object; undefined without. */
  get state(): PtValue | undefined {
    const { state } = this.opaque;
    return state === undefined ? undefined : this.read(state, '.state');
  }

  /** What it holds, if it is a list, a set or a dict of its own class; of a dict pairs [key, value]. */
  get items(): PtValue[] {
    return this.opaque.items.map((value, i) => this.read(value, `.items[${i}]`));
  }
}

/** More than the recursion limit of Python lets it write. */
const MAX_DEPTH = 1000;

/**
 * Reads what PyTorch's `torch.save` wrote: tensors, and the plain data around them, such as a `state_dict` or a checkpoint
 * that holds several. The file is a zip archive: `NAME/data.pkl` is a pickle of the whole, `NAME/data/0`, `NAME/data/1` and so
 * on are the elements of storages, in the byte order that `NAME/byteorder` says. A pickle is a program; this one can only name
 * what is listed here, and no code of a file is ever run.
 *
 * - dicts become objects, or Maps where not all keys are text (`state` of an optimizer); their attributes, such as a state
 *   dict's `_metadata`, are dropped; a Namespace is an object;
 * - lists, tuples and deques become arrays, sets Sets, bytes Uint8Arrays, None null, an int beyond 2⁵³ a bigint, a complex
 *   number `{ real, imag }`; a dtype or device is its name (`torch.qint8`, `cuda:0`);
 * - float32, float64, int32, int8, uint8 and bool tensors keep their dtype (float64 is float32 on a backend without); other
 *   integers become int32, float16 and bfloat16 float32; quint8, qint8 and qint32 ones stay quantized, per tensor or per
 *   channel;
 * - tensors are on the default backend, strided as they were, and share memory where they did in PyTorch; parameters
 *   want gradients again;
 * - NumPy's numbers become numbers, its arrays tensors, its dtypes their names;
 * - all else becomes a `PtObject`: a tensor of complex numbers, an object of a class, a function.
 *
 * The memory of `bytes` is not used after.
 *
 * @throws FormatError for bytes that aren't such a file, for int64 numbers of a tensor that don't fit int32, and for a file
 * that is one object of a class, as a whole model is; it names the part that is wrong
 */
export function parsePt(bytes: Uint8Array, options?: ParseOptions): PtValue {
  const { file } = checkOptions('parsePt', options, 'file');
  requireBytes('parsePt', bytes);
  const makeError = makeErrorFor('pt', file);
  const entries = unzip(bytes, makeError);
  const pickle = entries.get('data.pkl');
  if (!pickle) throw makeError('data.pkl', 'an entry of the archive', 'none');
  // Files of PyTorch 2.1 and later have it.
  const order = decodeUtf8(entries.get('byteorder') ?? encodeUtf8('little'));
  if (order !== 'little' && order !== 'big') throw makeError('byteorder', "'little' or 'big'", quote(order));
  const torch = new TorchFile(entries, makeError, order === 'big');
  const value = unpickle(pickle, torch, makeError);
  if (value instanceof Opaque) {
    throw makeError(`data.pkl at byte ${value.byte}`, 'data', quote(value.name), {
      fix: "Only tensors and plain data are read, and no code is run: save the model's state_dict instead of the model.",
    });
  }
  return new PlainData(torch, makeError).of(value, '');
}

/**
 * As `parsePt`, from a file.
 * @throws as `parsePt`; the errors of the file system; ArgumentError where there is none
 */
export async function loadPt(path: string): Promise<PtValue> {
  const { fs } = await node('loadPt');
  return parsePt(await fs.promises.readFile(path), { file: path });
}

/** Makes plain data of what the pickle made. What it shares stays shared; what an object holds is left till it is asked for. */
class PlainData {
  private readonly done = new Map<object, PtValue>();
  /** The containers around the value at hand. */
  private readonly around = new Set<object>();

  constructor(
    private readonly torch: TorchFile,
    private readonly makeError: MakeError,
  ) {}

  of(value: unknown, path: string): PtValue {
    if (typeof value !== 'object' || value === null) return value as PtValue;
    const known = this.done.get(value);
    if (known !== undefined) return known;

    // Not before it is asked for: a path can be long.
    const makeError: MakeError = (part, ...rest) =>
      this.makeError((path === '' ? 'the value' : quote(path)) + part, ...rest);
    if (this.around.has(value))
      throw makeError('', 'data that does not hold itself', 'a container around it');
    if (this.around.size >= MAX_DEPTH)
      throw makeError('', `inside of at most ${MAX_DEPTH} containers`, 'one more');
    this.around.add(value);
    const plain = this.make(value, path, makeError);
    this.around.delete(value);
    this.done.set(value, plain);
    return plain;
  }

  private make(value: object, path: string, makeError: MakeError): PtValue {
    if (value instanceof TorchTensor) return this.torch.tensor(value, makeError);
    if (Array.isArray(value)) return value.map((item, i) => this.of(item, `${path}[${i}]`));
    if (value instanceof Uint8Array) return value;
    if (value instanceof NumpyDType) return String(value);
    if (value instanceof Set) return new Set(Array.from(value, (item) => this.of(item, `${path}{…}`)));
    if (value instanceof Map) return this.dict(value, path);
    const array = value instanceof NumpyArray ? value.tensor(makeError) : undefined;
    if (array) return array;
    // A class or a storage by itself is of no use, unless it stands beside what is.
    if (path === '') throw makeError('', 'a tensor or plain data', 'a class or a storage');
    const opaque = value instanceof Opaque ? value : new Opaque(nameOf(value), 0);
    return new PtObject(opaque.name, opaque, (inner, part) =>
      // Not in the containers around: it may hold one of them.
      new PlainData(this.torch, this.makeError).of(inner, path + part),
    );
  }

  private dict(dict: ReadonlyMap<unknown, unknown>, path: string): PtValue {
    const entries = Array.from(dict, ([key, item]) => {
      const step = typeof key === 'object' && key !== null ? '(…)' : String(key);
      const plainKey = this.of(key, `${path}${step}`) as PtKey;
      return [plainKey, this.of(item, path === '' ? step : `${path}.${step}`)] as const;
    });
    return entries.every(([key]) => typeof key === 'string') ? Object.fromEntries(entries) : new Map(entries);
  }
}
