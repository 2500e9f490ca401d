import { ArgumentError } from '@octet/backend';
import { Tensor } from '@octet/tensor';
import { type Complain, complainAbout, type ParseOptions, quote } from '../errors';
import { node } from '../node';
import type { StateDict } from '../state-dict';
import { unpickle } from './pickle';
import { TorchFile, TorchTensor } from './torch';
import { unzip } from './zip';

/** What a file can hold. */
export type PtValue =
  | Tensor
  | null
  | boolean
  | number
  | bigint
  | string
  | PtValue[]
  | { [key: string]: PtValue }
  | Map<PtKey, PtValue>;

export type PtKey = null | boolean | number | bigint | string;

/** More than the recursion limit of Python lets it write. */
const MAX_DEPTH = 1000;

/**
 * Reads what PyTorch's `torch.save` wrote: tensors, and lists, tuples, dicts, numbers, text, booleans and None around
 * them, such as a `state_dict` or a checkpoint that holds several. The file is a zip archive: `NAME/data.pkl` is a
 * pickle of the whole, `NAME/data/0`, `NAME/data/1` and so on are the elements of storages, little-endian. A pickle is a
 * program; this one can only name tensors, containers and dtypes, and no code of a file is ever run.
 *
 * - dicts become objects, or Maps where not all keys are text (`state` of an optimizer); their attributes, such as a state
 *   dict's `_metadata`, are dropped;
 * - lists and tuples become arrays, None null, a dtype its name (`torch.qint8`), an int beyond 2⁵³ a bigint;
 * - float32, float64, int32, int8, uint8 and bool tensors keep their dtype; int64 and int16 become int32, float16 and
 *   bfloat16 float32; quint8, qint8 and qint32 ones stay quantized, per tensor or per channel;
 * - tensors are on the default backend, strided as they were, and share memory where they did in PyTorch; parameters
 *   want gradients again.
 *
 * The memory of `bytes` is not used after.
 *
 * @throws FormatError for bytes that aren't such a file, for int64 numbers that don't fit int32, and for anything but data,
 * as a whole model is; it names the part that is wrong
 */
export function parsePt(bytes: Uint8Array, { file }: ParseOptions = {}): PtValue {
  const complain = complainAbout('pt', file);
  const entries = unzip(bytes, complain);
  const pickle = entries.get('data.pkl');
  if (!pickle) throw complain('data.pkl', 'an entry of the archive', 'none');
  // Files of PyTorch 2.1 and later have it.
  const order = entries.get('byteorder');
  if (order && new TextDecoder().decode(order) !== 'little')
    throw complain('byteorder', "'little'", quote(new TextDecoder().decode(order)));
  const torch = new TorchFile(entries, complain);
  return new PlainData(torch, complain).of(unpickle(pickle, torch, complain), '');
}

/**
 * As `parsePt`, from a file.
 * @throws as `parsePt`; the errors of the file system; ArgumentError where there is none
 */
export async function loadPt(path: string): Promise<PtValue> {
  const { fs } = await node('loadPt');
  return parsePt(await fs.promises.readFile(path), { file: path });
}

/**
 * What `parsePt` gave, or a part of it, as a state dict: `ptStateDict(parsePt(bytes))`.
 * @throws ArgumentError unless it is an object of tensors
 */
export function ptStateDict(value: unknown): StateDict {
  const refuse = (found: string) =>
    new ArgumentError({
      op: 'ptStateDict',
      expected: 'an object of tensors',
      found,
      fix: 'Pass the part that is one: of a checkpoint, often checkpoint.model or checkpoint.state_dict.',
    });
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    throw refuse(value instanceof Tensor ? 'a tensor' : quote(value));
  for (const [key, tensor] of Object.entries(value))
    if (!(tensor instanceof Tensor)) throw refuse(`${quote(key)}: ${quote(tensor)}`);
  return value as StateDict;
}

/** Makes plain data of what the pickle made. What it shares stays shared. */
class PlainData {
  private readonly done = new Map<object, PtValue>();
  /** The containers around the value at hand. */
  private readonly around = new Set<object>();

  constructor(
    private readonly torch: TorchFile,
    private readonly complain: Complain,
  ) {}

  of(value: unknown, path: string): PtValue {
    if (typeof value !== 'object' || value === null) return value as PtValue;
    const known = this.done.get(value);
    if (known !== undefined) return known;

    // Not before it is asked for: a path can be long.
    const complain: Complain = (part, ...rest) =>
      this.complain((path === '' ? 'the value' : quote(path)) + part, ...rest);
    if (this.around.has(value)) throw complain('', 'data that does not hold itself', 'a container around it');
    if (this.around.size >= MAX_DEPTH)
      throw complain('', `inside of at most ${MAX_DEPTH} containers`, 'one more');
    this.around.add(value);
    const plain = this.make(value, path, complain);
    this.around.delete(value);
    this.done.set(value, plain);
    return plain;
  }

  private make(value: object, path: string, complain: Complain): PtValue {
    if (value instanceof TorchTensor) return this.torch.tensor(value, complain);
    if (Array.isArray(value)) return value.map((item, i) => this.of(item, `${path}[${i}]`));
    if (!(value instanceof Map)) throw complain('', 'a tensor or plain data', 'a class or a storage');
    const entries = Array.from(value as Map<PtKey, unknown>, ([key, item]) => {
      const step = String(key);
      return [key, this.of(item, path === '' ? step : `${path}.${step}`)] as const;
    });
    return entries.every(([key]) => typeof key === 'string') ? Object.fromEntries(entries) : new Map(entries);
  }
}
