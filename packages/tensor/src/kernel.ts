/** Between tensors and kernels: what an op needs to turn strided tensors into the dense ones that kernels take. */
import {
  ArgumentError,
  type Backend,
  type Composite,
  type DType,
  DTypeError,
  describe,
  dispatchKernel,
  type ElementwiseFunction,
  isFloatDType,
  type KernelInputs,
  type KernelName,
  type KernelOutputs,
  type KernelTable,
  type KernelTensor,
  mixedBackends,
  type PrepackCache,
  requireOwnCopy,
  ShapeError,
  storageDType,
} from '@octet/backend';
import {
  broadcastShapes,
  contiguousStrides,
  formatShape,
  isDense,
  type Layout,
  memoryOrder,
  numel,
  sameShape,
  sameStrides,
  stridesInOrder,
} from './layout';
import type { QParams } from './qparams';
import { checkRead } from './running-backward';
import { Storage } from './storage';
import { Tensor } from './tensor';
import { activeWatch } from './watch';

export { requireBackend, Storage } from './storage';

/** A dense tensor with the shape its kernel should see. */
export interface Operand {
  readonly tensor: Tensor;
  readonly shape: readonly number[];
}

/** `tensor` under the physical shape `shape`, for a kernel. The tensor must be dense. */
export function asOperand(tensor: Tensor, shape: readonly number[]): Operand {
  return { tensor, shape };
}

/** The NHWC operand of a channels-last tensor. */
export function nhwc(tensor: Tensor): Operand {
  const [n, c, h, w] = tensor.shape;
  return asOperand(tensor, [n, h, w, c]);
}

type Arg = Tensor | Operand;

/**
 * Runs a kernel on dense tensors; a bare tensor is seen as flat. Outputs must be allocated (see `empty`). The only
 * caller of the backend's dispatch function among the ops. `composite` makes the kernel of others where the backend has none:
 * for functions that have one.
 *
 * @throws BackendError if the tensors live on different backends.
 */
export function run<N extends KernelName>(
  name: N,
  inputs: KernelInputs<KernelTable[N], Arg>,
  outputs: KernelOutputs<KernelTable[N], Arg>,
  attrs: KernelTable[N]['attrs'],
  cache?: PrepackCache,
  composite?: Composite,
): void {
  const backend = backendOf(inputs as never) ?? (backendOf(outputs as never) as Backend);
  const ins = kernelTensors(name, backend, inputs as never, true);
  const outs = kernelTensors(name, backend, outputs as never, false);
  dispatchKernel(backend, name, ins as never, outs as never, attrs, { cache, composite });
}

type Args = Readonly<Record<string, Arg | undefined>>;

/** The backend of the first. */
function backendOf(args: Args): Backend | undefined {
  for (const key in args) {
    const arg = args[key];
    if (arg) return (arg instanceof Tensor ? arg : arg.tensor).storage.backend;
  }
  return undefined;
}

/** What a kernel reads, or writes, as the backend wants it. @throws BackendError for tensors of another backend */
function kernelTensors(
  name: string,
  backend: Backend,
  args: Args,
  read: boolean,
): Record<string, KernelTensor> {
  const deferring = activeWatch()?.defers === true;
  const made: Record<string, KernelTensor> = {};
  for (const key in args) {
    const arg = args[key];
    if (!arg) continue;
    const isTensor = arg instanceof Tensor;
    const tensor = isTensor ? arg : arg.tensor;
    const { storage } = tensor;
    if (storage.backend !== backend) throw mixedBackends(name, backend, storage.backend);
    if (read) checkRead(key, tensor);
    else storage.noteWrite(name);
    const shape = isTensor ? [tensor.numel] : arg.shape;
    made[key] = deferring
      ? deferred(storage, shape, tensor)
      : { buffer: storage.buffer, dtype: storage.dtype, shape, source: tensor };
  }
  return made;
}

/** An operand that a watch sees before its memory is asked for. */
function deferred(storage: Storage, shape: readonly number[], source: Tensor): KernelTensor {
  if (storage.freed) storage.buffer;
  return {
    get buffer() {
      return storage.buffer;
    },
    dtype: storage.dtype,
    shape,
    source,
  };
}

export interface EmptyOptions {
  dtype: DType;
  strides?: readonly number[];
  qparams?: QParams | undefined;
}

/** A tensor of unspecified contents, contiguous unless `strides` (dense) says otherwise. */
export function empty(
  backend: Backend,
  shape: readonly number[],
  { dtype, strides, qparams }: EmptyOptions,
): Tensor {
  const storage = Storage.allocate(backend, storageDType(dtype), numel(shape));
  return new Tensor(
    storage,
    { shape, strides: strides ?? contiguousStrides(shape), offset: 0 },
    dtype,
    qparams,
  );
}

/** An output on the backend of `like` and, unless given, of its dtype. */
export function emptyOn(
  like: Tensor,
  shape: readonly number[],
  { dtype = like.dtype, strides, qparams }: Partial<EmptyOptions> = {},
): Tensor {
  return empty(like.backend, shape, { dtype, strides, qparams });
}

/** An output of the shape, memory order and dtype of `like`, which must be dense. */
export function emptyLike(like: Tensor, dtype: DType = like.dtype): Tensor {
  return emptyOn(like, like.shape, {
    dtype,
    strides: like.strides,
    qparams: dtype === like.dtype ? like.qparams : undefined,
  });
}

/** An output [N, C, H, W] with its channels innermost. */
export function emptyChannelsLast(
  like: Tensor,
  shape: readonly number[],
  options: Partial<Omit<EmptyOptions, 'strides'>> = {},
): Tensor {
  const qparams = (options.dtype ?? like.dtype) === like.dtype ? like.qparams : undefined;
  return emptyOn(like, shape, { qparams, ...options, strides: stridesInOrder(shape, [0, 2, 3, 1]) });
}

/** The same memory under another layout. Not recorded. */
export function view(x: Tensor, layout: Layout, qparams: QParams | undefined = x.qparams): Tensor {
  const { shape, strides, offset } = layout;
  return new Tensor(x.storage, { shape, strides, offset }, x.dtype, qparams);
}

/** `x` with exactly these dense strides, from the start of its storage; itself if it lies so. Not recorded. */
export function withStrides(x: Tensor, strides: readonly number[]): Tensor {
  if (x.offset === 0 && sameStrides(x.shape, x.strides, strides)) return x;
  const y = emptyOn(x, x.shape, { strides, qparams: x.qparams });
  run(
    'copyStrided',
    { x: asOperand(x, [x.storage.length]) },
    { y },
    {
      shape: x.shape,
      xStrides: x.strides,
      xOffset: x.offset,
      yStrides: strides,
      yOffset: 0,
    },
  );
  return y;
}

/** Writes the elements of `source` (same shape, dtype and backend) into those of `x`. `op` is who did it, for errors. */
export function overwrite(op: string, x: Tensor, source: Tensor): void {
  const { storage } = x;
  // Kernels never read and write the same memory.
  const from = source.storage === storage ? copied(source) : source;
  const attrs = {
    shape: x.shape,
    xStrides: from.strides,
    xOffset: from.offset,
    yStrides: x.strides,
    yOffset: x.offset,
  };
  run(
    'copyStrided',
    { x: asOperand(from, [from.storage.length]) },
    { y: asOperand(x, [storage.length]) },
    attrs,
  );
  storage.writer = op;
}

/** A row-major copy in memory of its own. */
function copied(x: Tensor): Tensor {
  const y = emptyOn(x, x.shape, { qparams: x.qparams });
  const attrs = { shape: x.shape, xStrides: x.strides, xOffset: x.offset, yStrides: y.strides, yOffset: 0 };
  run('copyStrided', { x: asOperand(x, [x.storage.length]) }, { y }, attrs);
  return y;
}

/** `x` row-major from the start of its storage. Not recorded. */
export function contiguous(x: Tensor): Tensor {
  return withStrides(x, contiguousStrides(x.shape));
}

/** `x` (4-d) with its channels innermost. Not recorded. */
export function channelsLast(x: Tensor): Tensor {
  return withStrides(x, stridesInOrder(x.shape, [0, 2, 3, 1]));
}

/** `x` [N, C, …] of any rank with its channels innermost. Not recorded. */
export function channelsInnermost(x: Tensor): Tensor {
  const spatial = x.shape.map((_, i) => i).slice(2);
  return withStrides(x, stridesInOrder(x.shape, [0, ...spatial, 1]));
}

/** `x` as it lies if that is dense from the start of its storage, else row-major. Not recorded. */
export function denseInAnyOrder(x: Tensor): Tensor {
  return x.offset === 0 && isDense(x.shape, x.strides) ? x : contiguous(x);
}

/**
 * The shape that `tensors` broadcast to, and the memory order of the first which has all of it.
 *
 * @throws ShapeError unless they broadcast.
 */
export function broadcastLayout(op: string, ...tensors: readonly Tensor[]) {
  const shape = tensors.reduce<number[]>((s, t) => broadcastShapes(op, s, t.shape), []);
  const model = tensors.find((t) => sameShape(t.shape, shape) && isDense(t.shape, t.strides));
  return { shape, strides: model ? model.strides : contiguousStrides(shape) };
}

/** Tensors made ready for an elementwise kernel: in one `broadcastLayout`, single numbers left as they are. */
export function broadcastOperands(
  op: string,
  ...tensors: readonly Tensor[]
): { shape: number[]; strides: readonly number[]; operands: Tensor[] } {
  const { shape, strides } = broadcastLayout(op, ...tensors);
  const operands = tensors.map((t) =>
    t.numel === 1 ? denseInAnyOrder(t) : withStrides(expandTo(t, shape), strides),
  );
  return { shape, strides, operands };
}

/** A view of `x` with zero strides where it is repeated. Shapes are known to broadcast. Not recorded. */
export function expandTo(x: Tensor, shape: readonly number[]): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const lead = shape.length - x.shape.length;
  const strides = shape.map((d, i) =>
    i < lead || (x.shape[i - lead] === 1 && d !== 1) ? 0 : x.strides[i - lead],
  );
  return view(x, { shape, strides, offset: x.offset });
}

/**
 * `x` seen as outer × axis × inner around the dims `dims` (sorted), without a copy where its memory allows, and how to
 * shape an output [outer, inner] over the dims that stay.
 */
export function asOuterAxisInner(
  x: Tensor,
  dims: readonly number[],
): { operand: Operand; outer: number; n: number; inner: number; kept: KeptLayout } {
  const rowMajor = inPlace(x, dims);
  if (rowMajor) return rowMajor;
  const reduced = new Set(dims);
  let source = denseInAnyOrder(x);
  let order = memoryOrder(source.shape, source.strides);
  const moving = order.filter((d) => source.shape[d] !== 1);
  const first = moving.findIndex((d) => reduced.has(d));
  const count = moving.filter((d) => reduced.has(d)).length;
  if (first >= 0 && !moving.slice(first, first + count).every((d) => reduced.has(d))) {
    order = [...order.filter((d) => !reduced.has(d)), ...order.filter((d) => reduced.has(d))];
    source = withStrides(x, stridesInOrder(x.shape, order));
  }
  let outer = 1;
  let n = 1;
  let inner = 1;
  let seen = false;
  for (const d of order) {
    if (reduced.has(d)) {
      n *= x.shape[d];
      seen ||= x.shape[d] !== 1;
    } else if (seen) inner *= x.shape[d];
    else outer *= x.shape[d];
  }
  return {
    operand: asOperand(source, [outer, n, inner]),
    outer,
    n,
    inner,
    kept: { order: order.filter((d) => !reduced.has(d)) },
  };
}

/** The same for dims side by side in a row-major tensor, which most are: nothing has to be sorted. */
function inPlace(x: Tensor, dims: readonly number[]): ReturnType<typeof asOuterAxisInner> | undefined {
  const { shape, strides, offset } = x;
  const [first = 0] = dims;
  const end = first + dims.length;
  const together = offset === 0 && dims[dims.length - 1] === end - 1;
  if (!together || !sameStrides(shape, strides, contiguousStrides(shape))) return undefined;
  const sizes: [outer: number, n: number, inner: number] = [1, 1, 1];
  const order: number[] = [];
  for (let d = 0; d < shape.length; d++) {
    sizes[d < first ? 0 : d < end ? 1 : 2] *= shape[d];
    if (d < first || d >= end) order.push(d);
  }
  const [outer, n, inner] = sizes;
  return { operand: asOperand(x, [outer, n, inner]), outer, n, inner, kept: { order } };
}

/** The dims that a reduction keeps, slowest first. */
export interface KeptLayout {
  readonly order: readonly number[];
}

/** Shape and strides of a reduction's output; with `keepDim` the reduced dims stay with size 1. */
export function reducedLayout(
  x: Tensor,
  dims: readonly number[],
  kept: KeptLayout,
  keepDim: boolean,
): { shape: number[]; strides: number[] } {
  const full = x.shape.slice();
  for (const d of dims) full[d] = 1;
  const strides = stridesInOrder(full, kept.order);
  for (const d of dims) strides[d] = numel(full);
  if (keepDim) return { shape: full, strides };
  const stays = (_: number, d: number) => !dims.includes(d);
  return { shape: full.filter(stays), strides: strides.filter(stays) };
}

/** @throws BackendError if `value` is a tensor of another copy of the package */
export function requireOwnTensor(op: string, value: unknown): void {
  requireOwnCopy(op, value, { Tensor, Parameter: Tensor, Buffer: Tensor });
}

/**
 * @throws ArgumentError unless all are tensors
 * @throws BackendError for one that another copy of the package made
 */
export function requireTensor(op: string, ...values: readonly unknown[]): void {
  for (const value of values) {
    if (value instanceof Tensor) continue;
    requireOwnTensor(op, value);
    throw new ArgumentError({
      op,
      expected: 'a tensor',
      found: describe(value),
      fix: 'Make one with tensor(…).',
    });
  }
}

/** Those of optional operands that are there. */
export function present(...tensors: readonly (Tensor | undefined)[]): Tensor[] {
  return tensors.filter((t) => t !== undefined && t !== null) as Tensor[];
}

/** @throws DTypeError, BackendError, ArgumentError unless all are tensors of one float dtype on one backend. */
export function requireFloat(op: string, ...tensors: readonly Tensor[]): void {
  requireFloats(op, tensors, undefined);
}

/**
 * As `requireFloat`, of the input of a function that says in its row whether its layer has an int8 form.
 *
 * @throws DTypeError, ArgumentError unless x is a float tensor
 */
export function requireFloatFor(op: string, { int8 = false }: ElementwiseFunction, x: Tensor): void {
  requireFloats(op, [x], int8);
}

function requireFloats(op: string, tensors: readonly Tensor[], int8: boolean | undefined): void {
  const [first] = tensors;
  for (const t of tensors) {
    if (!(t instanceof Tensor)) requireTensor(op, t);
    if (!isFloatDType(t.dtype)) {
      throw new DTypeError({
        op,
        expected: 'float32',
        found: t.qparams ? `a quantized tensor (${t.dtype})` : t.dtype,
        fix: t.qparams ? int8Remedy(op, int8) : "Convert it with to('float32').",
      });
    }
    if (t.dtype !== first.dtype) {
      throw new DTypeError({
        op,
        expected: `${first.dtype} throughout`,
        found: t.dtype,
        fix: `Convert one with to('${first.dtype}').`,
      });
    }
    if (t.backend !== first.backend) throw mixedBackends(op, first.backend, t.backend);
  }
}

/** What helps where an int8 tensor reaches this float op. */
function int8Remedy(op: string, int8?: boolean): string {
  if (op === 'batchNorm') return 'Fuse it with the convolution before it, by fuseModules().';
  if (/^(add|mul|cat)$/.test(op)) return 'Use FloatFunctional, which convert() makes int8.';
  const first =
    (int8 ?? /^(conv2d|linear|prelu$|layerNorm|groupNorm|instanceNorm)/.test(op))
      ? 'Give its layer a qconfig and convert it, or'
      : 'It has no int8 form:';
  return `${first} leave its layer in float by leaveInFloat(), or put a DeQuantStub before it.`;
}

/** @throws ShapeError unless `x` has one of the ranks. */
export function requireRank(op: string, name: string, x: Tensor, ...ranks: readonly number[]): void {
  if (ranks.includes(x.shape.length)) return;
  throw new ShapeError({
    op,
    expected: `${name} of ${ranks.join(' or ')} dimensions`,
    found: formatShape(x.shape),
    fix: 'Reshape it; a single sample needs unsqueeze(0) for the batch dimension.',
  });
}
