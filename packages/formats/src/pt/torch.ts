import { isFloatDType, type QuantizedDType, type TypedArray } from '@octet/backend';
import {
  type Layout,
  perChannelQParams,
  perTensorQParams,
  type QParams,
  Tensor,
} from '@octet/tensor/functional';
import { elements, type StoredDType, tensorHere } from '../elements';
import { type MakeError, quote } from '../errors';
import { checkedQParams } from '../qparams';
import { byteLength, isSize } from '../sizes';
import { NumpyArray, numpyGlobals, swapped } from './numpy';
import { Opaque } from './opaque';
import { Attributes, Callable, type Context, call, type Outside, type Refuse } from './pickle';

/** As many as PyTorch's operations take. */
const MAX_DIMS = 64;

/** A class of storages, such as `torch.FloatStorage`. */
class StorageKind {
  constructor(
    readonly stored: StoredDType,
    /** Of tensors that lie in them, if they are quantized. */
    readonly quantized?: QuantizedDType,
  ) {}
}

/** Storages whose bytes are of the dtype that each tensor says. */
const untyped = new StorageKind('U8');

/** What says so: dtypes that came after the typed storages. */
const laterKinds = new Map([
  ['torch.uint16', new StorageKind('U16')],
  ['torch.uint32', new StorageKind('U32')],
  ['torch.uint64', new StorageKind('U64')],
]);

/** Memory that tensors may share, by the name of its entry in the archive. */
class TorchStorage {
  constructor(
    readonly kind: StorageKind,
    readonly length: number,
    readonly entry: string,
    readonly raw: Uint8Array,
  ) {}

  private readonly others = new Map<StorageKind, TorchStorage>();

  /** The same memory, as elements of another kind. */
  as(kind: StorageKind): TorchStorage {
    const { bytes } = elements[kind.stored];
    const other =
      this.others.get(kind) ?? new TorchStorage(kind, Math.floor(this.length / bytes), this.entry, this.raw);
    this.others.set(kind, other);
    return other;
  }
}

/** A view of a storage as the pickle has it. Nothing of it is checked before `TorchFile.tensor`. */
export class TorchTensor {
  constructor(
    readonly storage: unknown,
    readonly offset: unknown,
    readonly size: unknown,
    readonly stride: unknown,
    readonly requiresGrad: unknown,
    readonly quantizer?: unknown,
  ) {}
}

/** All globals that are known. The names of dtypes and schemes stand for themselves. */
const globals: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['torch.DoubleStorage', new StorageKind('F64')],
  ['torch.FloatStorage', new StorageKind('F32')],
  ['torch.HalfStorage', new StorageKind('F16')],
  ['torch.BFloat16Storage', new StorageKind('BF16')],
  ['torch.LongStorage', new StorageKind('I64')],
  ['torch.IntStorage', new StorageKind('I32')],
  ['torch.ShortStorage', new StorageKind('I16')],
  ['torch.CharStorage', new StorageKind('I8')],
  ['torch.ByteStorage', new StorageKind('U8')],
  ['torch.BoolStorage', new StorageKind('BOOL')],
  ['torch.QUInt8Storage', new StorageKind('U8', 'quint8')],
  ['torch.QInt8Storage', new StorageKind('I8', 'qint8')],
  ['torch.QInt32Storage', new StorageKind('I32', 'qint32')],

  ['torch.storage.UntypedStorage', untyped],

  // The arguments after `grad` are backward hooks, which no file has, and what says that numbers are conjugated.
  [
    'torch._utils._rebuild_tensor_v2',
    call([6, 7], ([storage, offset, size, stride, grad, , metadata], _, context) =>
      storage instanceof Opaque || (metadata instanceof Map && metadata.size > 0)
        ? unreadable(storage, context)
        : new TorchTensor(storage, offset, size, stride, grad),
    ),
  ],
  [
    'torch._utils._rebuild_tensor_v3',
    call([7, 8], ([storage, offset, size, stride, grad, , dtype, metadata], _, context) => {
      const kind = laterKinds.get(String(dtype));
      if (!kind || !(storage instanceof TorchStorage) || (metadata instanceof Map && metadata.size > 0))
        return unreadable(dtype, context);
      return new TorchTensor(storage.as(kind), offset, size, stride, grad);
    }),
  ],
  [
    'torch._utils._rebuild_qtensor',
    call(7, ([storage, offset, size, stride, quantizer, grad], _, context) =>
      storage instanceof Opaque
        ? unreadable(storage, context)
        : new TorchTensor(storage, offset, size, stride, grad, quantizer),
    ),
  ],
  ['torch._utils._rebuild_parameter', call(3, parameter)],
  // Attributes of its own are dropped, as a state dict's are.
  ['torch._utils._rebuild_parameter_with_state', call(4, parameter)],
  // A buffer, or a parameter, as an object of its own class with attributes.
  [
    'torch._tensor._rebuild_from_type_v2',
    call(4, ([make, type, args], refuse, context) => {
      const plain =
        type instanceof Opaque && /^torch\.(Tensor|nn\.parameter\.(Parameter|Buffer))$/.test(type.name);
      return plain && make instanceof Callable && Array.isArray(args)
        ? make.call(args, refuse, context)
        : context.opaque(type instanceof Opaque ? type.name : 'torch.Tensor', [make, args]);
    }),
  ],

  ['collections.OrderedDict', call([0, 1], ([items], refuse, context) => pairs(items, refuse, context))],
  ['collections.defaultdict', call([0, 2], ([, items], refuse, context) => pairs(items, refuse, context))],
  // The milestones of a learning rate schedule.
  [
    'collections.Counter',
    call(1, ([counts], refuse) => {
      if (!(counts instanceof Map)) throw refuse('a Counter made of a dict', quote(counts));
      return counts;
    }),
  ],
  ['collections.deque', call([0, 2], ([items = []], refuse, context) => [...listed(items, refuse, context)])],
  ['builtins.set', call([0, 1], ([items = []], refuse, context) => new Set(listed(items, refuse, context)))],
  [
    'builtins.frozenset',
    call([0, 1], ([items = []], refuse, context) => new Set(listed(items, refuse, context))),
  ],
  ['builtins.bytes', call([0, 1], (args, _, context) => bytesOf('builtins.bytes', args, context))],
  ['builtins.bytearray', call([0, 2], (args, _, context) => bytesOf('builtins.bytearray', args, context))],
  [
    '_codecs.encode',
    call([1, 2], (args, _, context) => {
      const [text, encoding] = args;
      if (typeof text !== 'string' || encoding !== 'latin1') return context.opaque('_codecs.encode', args);
      context.spend(text.length);
      return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    }),
  ],
  ['builtins.complex', call(2, ([real, imag]) => new Map(Object.entries({ real, imag })))],
  ['argparse.Namespace', call(0, () => new Attributes())],
  ['types.SimpleNamespace', call(0, () => new Attributes())],
  [
    'torch.device',
    call([1, 2], ([type, index]) => (index === undefined || index === null ? type : `${type}:${index}`)),
  ],
  ['torch.serialization._get_layout', call(1, ([name]) => name)],
  [
    'torch.Size',
    call(1, ([sizes], refuse) => {
      if (!Array.isArray(sizes)) throw refuse('a Size made of a tuple', quote(sizes));
      return sizes;
    }),
  ],
  ...numpyGlobals,

  ...[
    ...['float64', 'float32', 'float16', 'bfloat16', 'int64', 'int32', 'int16', 'int8', 'uint8', 'bool'],
    ...['uint16', 'uint32', 'uint64', 'complex32', 'complex64', 'complex128'],
    ...['float8_e4m3fn', 'float8_e4m3fnuz', 'float8_e5m2', 'float8_e5m2fnuz', 'float8_e8m0fnu'],
    ...['quint8', 'qint8', 'qint32'],
    ...['per_tensor_affine', 'per_tensor_symmetric', 'per_channel_affine', 'per_channel_symmetric'],
  ].map((name) => [`torch.${name}`, `torch.${name}`] as const),
]);

function parameter([data, grad]: readonly unknown[], refuse: Refuse): unknown {
  if (data instanceof Opaque) return data;
  if (!(data instanceof TorchTensor)) throw refuse('a parameter made of a tensor', quote(data));
  return new TorchTensor(data.storage, data.offset, data.size, data.stride, grad, data.quantizer);
}

/** In the place of a tensor of a dtype that isn't read. */
function unreadable(of: unknown, context: Context): Opaque {
  const dtype = of instanceof Opaque ? of.name : String(of);
  return context.opaque(`torch.Tensor (${dtype.replace('Storage', '')})`, []);
}

function listed(items: unknown, refuse: Refuse, context: Context): readonly unknown[] {
  if (!Array.isArray(items)) throw refuse('made of a list', quote(items));
  context.spend(items.length);
  return items;
}

/** A new dict of a dict or of a list of pairs. */
function pairs(items: unknown, refuse: Refuse, context: Context): Map<unknown, unknown> {
  if (items === undefined) return new Map();
  if (items instanceof Map) return items;
  return new Map(
    listed(items, refuse, context).map((pair) => {
      if (Array.isArray(pair) && pair.length === 2) return [pair[0], pair[1]] as const;
      throw refuse('made of pairs', quote(pair));
    }),
  );
}

function bytesOf(name: string, args: readonly unknown[], context: Context): unknown {
  const [bytes] = args;
  if (args.length === 0) return new Uint8Array();
  return bytes instanceof Uint8Array && args.length === 1 ? bytes : context.opaque(name, args);
}

/** The name that a file gives to one of `globals`, and so what it may be called in an error. */
export function nameOf(value: object): string {
  if (value instanceof Opaque) return value.name;
  if (value instanceof TorchStorage) return 'torch.storage';
  if (value instanceof NumpyArray) return 'numpy.ndarray';
  return [...globals].find(([, known]) => known === value)?.[0] ?? 'a function';
}

/** What the pickle of a file refers to, and the tensors that come of it. */
export class TorchFile implements Outside {
  private readonly storages = new Map<string, TorchStorage>();
  private readonly data = new Map<TorchStorage, TypedArray>();
  /** A tensor of all elements of a storage, which others are views of. */
  private readonly flat = new Map<TorchStorage, Tensor>();
  /** How many scales and zero points may still be read. */
  private budget = 0;

  constructor(
    private readonly entries: ReadonlyMap<string, Uint8Array>,
    private readonly makeError: MakeError,
    /** Whether elements have their highest byte first. */
    private readonly bigEndian: boolean,
  ) {
    // A few bytes of pickle could have the same scales copied over and over.
    for (const { length } of entries.values()) this.budget += length;
  }

  global(name: string): unknown {
    // As Python 2 and NumPy before 2.0 call them.
    return globals.get(name.replace(/^__builtin__\./, 'builtins.').replace(/^numpy\.core\./, 'numpy._core.'));
  }

  /** `('storage', kind, key, device, length)`: the storage whose elements are in the entry `data/key`. */
  persistent(id: unknown, refuse: Refuse): TorchStorage | Opaque {
    const [what, kind, key, , length] = Array.isArray(id) && id.length === 5 ? id : [];
    // One of elements that Octet doesn't know: ComplexFloatStorage.
    if (what === 'storage' && kind instanceof Opaque && /^torch\.\w+Storage$/.test(kind.name)) return kind;
    if (what !== 'storage' || !(kind instanceof StorageKind) || typeof key !== 'string' || !isSize(length))
      throw refuse("('storage', kind, key, device, length)", quote(id));
    const known = this.storages.get(key);
    if (known) {
      if (known.kind === kind && known.length === length) return known;
      throw refuse(`storage ${quote(key)} as it was before`, 'another kind or length');
    }
    const entry = `data/${key}`;
    const raw = this.entries.get(entry);
    if (!raw) throw this.makeError(quote(entry), 'an entry of the archive', 'none');
    const wanted = length * elements[kind.stored].bytes;
    if (raw.length !== wanted)
      throw this.makeError(quote(entry), `${wanted} bytes, for ${length} elements`, String(raw.length));
    const storage = new TorchStorage(kind, length, entry, raw);
    this.storages.set(key, storage);
    return storage;
  }

  /**
   * The tensor, on the default backend; those that share a storage share memory.
   * @throws FormatError, made by `makeError`, for one that can't be
   */
  tensor(described: TorchTensor, makeError: MakeError): Tensor {
    const { storage, layout } = this.view(described, makeError);
    const flat = this.memory(storage, makeError);
    const { quantized } = storage.kind;
    const dtype = quantized ?? flat.dtype;
    const qparams = quantized && this.qparams(described.quantizer, quantized, layout.shape, makeError);
    if (!qparams && described.quantizer !== undefined)
      throw makeError('', 'without a scale', `one of ${dtype} with a scale`);
    const { requiresGrad } = described;
    if (typeof requiresGrad !== 'boolean' || (requiresGrad && !isFloatDType(dtype)))
      throw makeError(
        '.requires_grad',
        isFloatDType(dtype) ? 'a boolean' : `false for ${dtype}`,
        quote(requiresGrad),
      );

    const tensor = new Tensor(flat.storage, layout, dtype, qparams);
    if (requiresGrad) tensor.requiresGrad = true;
    return tensor;
  }

  /** Checks where the elements of a tensor lie. */
  private view(
    { storage, offset, size, stride }: TorchTensor,
    makeError: MakeError,
  ): { storage: TorchStorage; layout: Layout } {
    if (!(storage instanceof TorchStorage)) throw makeError('.storage', 'a storage', quote(storage));
    if (!isSizes(size)) throw makeError('.shape', `up to ${MAX_DIMS} whole numbers >= 0`, quote(size));
    if (byteLength(size, 8) === undefined)
      throw makeError('.shape', 'that of a tensor that can exist', quote(size));
    if (!isSizes(stride) || stride.length !== size.length)
      throw makeError('.stride', `${size.length} whole numbers >= 0`, quote(stride));
    if (!isSize(offset)) throw makeError('.storage_offset', 'a whole number >= 0', quote(offset));
    const end = size.includes(0)
      ? offset
      : size.reduce((last, n, dim) => last + (n - 1) * stride[dim], offset) + 1;
    if (end > storage.length)
      throw makeError(
        '',
        `within the ${storage.length} elements of ${quote(storage.entry)}`,
        `one up to element ${end}`,
      );
    return { storage, layout: { shape: [...size], strides: [...stride], offset } };
  }

  /** `(torch.per_tensor_affine, scale, zero point)` or `(torch.per_channel_affine, scales, zero points, axis)`. */
  private qparams(
    quantizer: unknown,
    dtype: QuantizedDType,
    shape: readonly number[],
    makeError: MakeError,
  ): QParams {
    const [scheme, scale, zeroPoint, axis] = Array.isArray(quantizer) ? quantizer : [];
    if (scheme === 'torch.per_tensor_affine') {
      if (typeof scale !== 'number') throw makeError('.scale', 'a number', quote(scale));
      if (typeof zeroPoint !== 'number') throw makeError('.zero_point', 'a number', quote(zeroPoint));
      return checkedQParams('', makeError, () => perTensorQParams('pt', dtype, scale, zeroPoint));
    }
    if (scheme !== 'torch.per_channel_affine')
      throw makeError('.qscheme', 'torch.per_tensor_affine or torch.per_channel_affine', quote(scheme));
    if (!isSize(axis) || axis >= shape.length)
      throw makeError('.axis', `a dim of a tensor of shape ${quote(shape)}`, quote(axis));
    const scales = this.numbers(scale, shape[axis], '.scales', makeError);
    const zeroPoints = this.numbers(zeroPoint, shape[axis], '.zero_points', makeError);
    return checkedQParams('', makeError, () => perChannelQParams('pt', dtype, scales, zeroPoints, axis));
  }

  /** The elements of a tensor of one dim. */
  private numbers(described: unknown, count: number, part: string, makeError: MakeError): Float64Array {
    if (!(described instanceof TorchTensor)) throw makeError(part, 'a tensor', quote(described));
    const about: MakeError = (inner, ...rest) => makeError(part + inner, ...rest);
    const { storage, layout } = this.view(described, about);
    if (layout.shape.length !== 1 || layout.shape[0] !== count)
      throw makeError(part, `of shape ${quote([count])}`, quote(layout.shape));
    this.budget -= count;
    if (this.budget < 0) throw makeError(part, 'no more than a file of this size can hold', String(count));
    const data = this.elements(storage, about);
    const [stride] = layout.strides;
    return Float64Array.from({ length: count }, (_, i) => data[layout.offset + i * stride]);
  }

  private elements(storage: TorchStorage, makeError: MakeError): TypedArray {
    const known = this.data.get(storage);
    if (known) return known;
    const { bytes, decode } = elements[storage.kind.stored];
    const data = decode(this.bigEndian ? swapped(storage.raw.slice(), bytes) : storage.raw, makeError, '');
    this.data.set(storage, data);
    return data;
  }

  private memory(storage: TorchStorage, makeError: MakeError): Tensor {
    const known = this.flat.get(storage);
    if (known) return known;
    const { dtype } = elements[storage.kind.stored];
    const flat = tensorHere(storage.entry, this.elements(storage, makeError), [storage.length], dtype);
    this.flat.set(storage, flat);
    return flat;
  }
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= MAX_DIMS && value.every(isSize);
}
