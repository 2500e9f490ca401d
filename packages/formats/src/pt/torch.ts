import {
  type DType,
  isFloatDType,
  isQuantizedDType,
  type QuantizedDType,
  type TypedArray,
} from '@octet/backend';
import {
  fromData,
  type Layout,
  perChannelQParams,
  perTensorQParams,
  type QParams,
  Tensor,
} from '@octet/tensor';
import { elements, type StoredDType } from '../elements';
import { type Complain, quote } from '../errors';
import { checkedQParams } from '../qparams';
import { byteLength, isSize } from '../sizes';
import { Callable, type Outside, type Refuse } from './pickle';

/** As many as PyTorch's operations take. */
const MAX_DIMS = 64;

/** A class of storages, such as `torch.FloatStorage`. */
class StorageKind {
  constructor(
    readonly stored: StoredDType,
    /** Of tensors that lie in them. */
    readonly dtype: DType = elements[stored].dtype,
  ) {}
}

/** Memory that tensors may share, by the name of its entry in the archive. */
class TorchStorage {
  constructor(
    readonly kind: StorageKind,
    readonly length: number,
    readonly entry: string,
    readonly raw: Uint8Array,
  ) {}
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

/** A function of so many arguments. */
function call(arity: number, make: (args: readonly unknown[], refuse: Refuse) => unknown): Callable {
  return new Callable((args, refuse) => {
    if (args.length !== arity) throw refuse(`a call with ${arity} arguments`, `${args.length}`);
    return make(args, refuse);
  });
}

/** All globals that a file may name. The names of dtypes and schemes stand for themselves. */
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

  // The last argument of each are backward hooks, which no file has.
  [
    'torch._utils._rebuild_tensor_v2',
    call(6, ([storage, offset, size, stride, grad]) => new TorchTensor(storage, offset, size, stride, grad)),
  ],
  [
    'torch._utils._rebuild_qtensor',
    call(
      7,
      ([storage, offset, size, stride, quantizer, grad]) =>
        new TorchTensor(storage, offset, size, stride, grad, quantizer),
    ),
  ],
  [
    'torch._utils._rebuild_parameter',
    call(3, ([data, grad], refuse) => {
      if (!(data instanceof TorchTensor)) throw refuse('a parameter made of a tensor', quote(data));
      return new TorchTensor(data.storage, data.offset, data.size, data.stride, grad, data.quantizer);
    }),
  ],

  ['collections.OrderedDict', call(0, () => new Map())],
  // The milestones of a learning rate schedule.
  [
    'collections.Counter',
    call(1, ([counts], refuse) => {
      if (!(counts instanceof Map)) throw refuse('a Counter made of a dict', quote(counts));
      return counts;
    }),
  ],
  [
    'torch.Size',
    call(1, ([sizes], refuse) => {
      if (!Array.isArray(sizes)) throw refuse('a Size made of a tuple', quote(sizes));
      return sizes;
    }),
  ],

  ...[
    ...['float64', 'float32', 'float16', 'bfloat16', 'int64', 'int32', 'int16', 'int8', 'uint8', 'bool'],
    ...['quint8', 'qint8', 'qint32'],
    ...['per_tensor_affine', 'per_tensor_symmetric', 'per_channel_affine', 'per_channel_symmetric'],
  ].map((name) => [`torch.${name}`, `torch.${name}`] as const),
]);

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
    private readonly complain: Complain,
  ) {
    // A few bytes of pickle could have the same scales copied over and over.
    for (const { length } of entries.values()) this.budget += length;
  }

  global(name: string, refuse: Refuse): unknown {
    const value = globals.get(name);
    if (value !== undefined) return value;
    throw refuse('the name of a dtype, a storage or a container', quote(name), {
      fix: "Only tensors and plain data are read, and no code is run: save the model's state_dict instead of the model.",
    });
  }

  /** `('storage', kind, key, device, length)`: the storage whose elements are in the entry `data/key`. */
  persistent(id: unknown, refuse: Refuse): TorchStorage {
    const [what, kind, key, , length] = Array.isArray(id) && id.length === 5 ? id : [];
    if (what !== 'storage' || !(kind instanceof StorageKind) || typeof key !== 'string' || !isSize(length))
      throw refuse("('storage', kind, key, device, length)", quote(id));
    const known = this.storages.get(key);
    if (known) {
      if (known.kind === kind && known.length === length) return known;
      throw refuse(`storage ${quote(key)} as it was before`, 'another kind or length');
    }
    const entry = `data/${key}`;
    const raw = this.entries.get(entry);
    if (!raw) throw this.complain(quote(entry), 'an entry of the archive', 'none');
    const wanted = length * elements[kind.stored].bytes;
    if (raw.length !== wanted)
      throw this.complain(quote(entry), `${wanted} bytes, for ${length} elements`, String(raw.length));
    const storage = new TorchStorage(kind, length, entry, raw);
    this.storages.set(key, storage);
    return storage;
  }

  /**
   * The tensor, on the default backend; those that share a storage share memory.
   * @throws FormatError, made by `complain`, for one that can't be
   */
  tensor(described: TorchTensor, complain: Complain): Tensor {
    const { storage, layout } = this.view(described, complain);
    const { dtype } = storage.kind;
    const qparams = isQuantizedDType(dtype)
      ? this.qparams(described.quantizer, dtype, layout.shape, complain)
      : undefined;
    if (!qparams && described.quantizer !== undefined)
      throw complain('', 'without a scale', `one of ${dtype} with a scale`);
    const { requiresGrad } = described;
    if (typeof requiresGrad !== 'boolean' || (requiresGrad && !isFloatDType(dtype)))
      throw complain(
        '.requires_grad',
        isFloatDType(dtype) ? 'a boolean' : `false for ${dtype}`,
        quote(requiresGrad),
      );

    const tensor = new Tensor(this.memory(storage, complain).storage, layout, dtype, qparams);
    if (requiresGrad) tensor.requiresGrad = true;
    return tensor;
  }

  /** Checks where the elements of a tensor lie. */
  private view(
    { storage, offset, size, stride }: TorchTensor,
    complain: Complain,
  ): { storage: TorchStorage; layout: Layout } {
    if (!(storage instanceof TorchStorage)) throw complain('.storage', 'a storage', quote(storage));
    if (!isSizes(size)) throw complain('.shape', `up to ${MAX_DIMS} whole numbers >= 0`, quote(size));
    if (byteLength(size, 8) === undefined)
      throw complain('.shape', 'that of a tensor that can exist', quote(size));
    if (!isSizes(stride) || stride.length !== size.length)
      throw complain('.stride', `${size.length} whole numbers >= 0`, quote(stride));
    if (!isSize(offset)) throw complain('.storage_offset', 'a whole number >= 0', quote(offset));
    const end = size.includes(0)
      ? offset
      : size.reduce((last, n, dim) => last + (n - 1) * stride[dim], offset) + 1;
    if (end > storage.length)
      throw complain(
        '',
        `within the ${storage.length} elements of ${quote(storage.entry)}`,
        `one up to element ${end}`,
      );
    return { storage, layout: { shape: size, strides: stride, offset } };
  }

  /** `(torch.per_tensor_affine, scale, zero point)` or `(torch.per_channel_affine, scales, zero points, axis)`. */
  private qparams(
    quantizer: unknown,
    dtype: QuantizedDType,
    shape: readonly number[],
    complain: Complain,
  ): QParams {
    const [scheme, scale, zeroPoint, axis] = Array.isArray(quantizer) ? quantizer : [];
    if (scheme === 'torch.per_tensor_affine') {
      if (typeof scale !== 'number') throw complain('.scale', 'a number', quote(scale));
      if (typeof zeroPoint !== 'number') throw complain('.zero_point', 'a number', quote(zeroPoint));
      return checkedQParams('', complain, () => perTensorQParams('pt', dtype, scale, zeroPoint));
    }
    if (scheme !== 'torch.per_channel_affine')
      throw complain('.qscheme', 'torch.per_tensor_affine or torch.per_channel_affine', quote(scheme));
    if (!isSize(axis) || axis >= shape.length)
      throw complain('.axis', `a dim of a tensor of shape ${quote(shape)}`, quote(axis));
    const scales = this.numbers(scale, shape[axis], '.scales', complain);
    const zeroPoints = this.numbers(zeroPoint, shape[axis], '.zero_points', complain);
    return checkedQParams('', complain, () => perChannelQParams('pt', dtype, scales, zeroPoints, axis));
  }

  /** The elements of a tensor of one dim. */
  private numbers(described: unknown, count: number, part: string, complain: Complain): Float64Array {
    if (!(described instanceof TorchTensor)) throw complain(part, 'a tensor', quote(described));
    const about: Complain = (inner, ...rest) => complain(part + inner, ...rest);
    const { storage, layout } = this.view(described, about);
    if (layout.shape.length !== 1 || layout.shape[0] !== count)
      throw complain(part, `of shape ${quote([count])}`, quote(layout.shape));
    this.budget -= count;
    if (this.budget < 0) throw complain(part, 'no more than a file of this size can hold', String(count));
    const data = this.elements(storage, about);
    const [stride] = layout.strides;
    return Float64Array.from({ length: count }, (_, i) => data[layout.offset + i * stride]);
  }

  private elements(storage: TorchStorage, complain: Complain): TypedArray {
    const known = this.data.get(storage);
    if (known) return known;
    const data = elements[storage.kind.stored].decode(storage.raw, complain, '');
    this.data.set(storage, data);
    return data;
  }

  private memory(storage: TorchStorage, complain: Complain): Tensor {
    const known = this.flat.get(storage);
    if (known) return known;
    const { dtype } = elements[storage.kind.stored];
    const flat = fromData(this.elements(storage, complain), [storage.length], { dtype });
    this.flat.set(storage, flat);
    return flat;
  }
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= MAX_DIMS && value.every(isSize);
}
