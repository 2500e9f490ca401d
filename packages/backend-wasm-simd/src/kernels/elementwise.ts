import type { BinaryName, ElementwiseKernels, KernelTable, RelationName } from '@octet/backend';
import * as host from '@octet/backend-js-reference/kernels';
import { elementwiseBlock } from '../generated/constants';
import { type FunctionLike, type KernelContext, size, type WasmKernel, type WasmTensor } from '../kernel';
import { boundsOf } from './bounds';
import { onHost } from './on-host';

type MapFunction = FunctionLike<'exp'>;
type BackwardFunction = FunctionLike<'reluBackward'>;

/** Units worth a thread; fewer of those that take long. */
const grain = 32;
const slowGrain = 8;

function units(n: number): number {
  return Math.ceil(n / elementwiseBlock);
}

/** y[n] = a ∘ b, where an operand of one element stands for all. */
function operands(cx: KernelContext, { a, b, y }: Readonly<Record<'a' | 'b' | 'y', WasmTensor>>) {
  const step = (t: WasmTensor) => (size(t) === 1 ? 0 : 4);
  const addresses = { a: cx.address(a), b: cx.address(b), y: cx.address(y) };
  return { ...addresses, aStep: step(a), bStep: step(b), n: size(y) };
}

/** By the reference: functions that are rare, and those of integers. */
function fromHost<N extends BinaryName | RelationName>(name: N): WasmKernel<N> {
  return onHost<N>(host.elementwise[name] as never);
}

function binary(name: 'sub' | 'div' | 'maximum' | 'minimum'): WasmKernel<'sub' | 'div'> {
  const integers = fromHost(name as 'sub');
  return (cx, tensors) => {
    if (tensors.y.dtype === 'int32') {
      integers(cx, tensors, {});
      return;
    }
    const args = operands(cx, tensors);
    cx.parallel(name, args, units(args.n), grain);
  };
}

/** Alike, clamped by a function of its own: the plain one would be slower for it. */
function clampable(name: 'add' | 'mul'): WasmKernel<'add' | 'mul'> {
  const integers = fromHost(name);
  return (cx, tensors, { clamp }) => {
    if (tensors.y.dtype === 'int32') {
      integers(cx, tensors, { clamp });
      return;
    }
    const args = operands(cx, tensors);
    if (clamp) cx.parallel(`${name}Clamped`, { ...args, ...boundsOf(clamp) }, units(args.n), grain);
    else cx.parallel(name, args, units(args.n), grain);
  };
}

/** y[n] = a ∘ b, to bool. */
function relation(name: 'eq' | 'ne' | 'lt' | 'le'): WasmKernel<'eq'> {
  const ofBytes = fromHost(name as 'eq');
  return (cx, tensors) => {
    const { dtype } = tensors.a;
    if (dtype !== 'float32' && dtype !== 'int32') {
      ofBytes(cx, tensors, {});
      return;
    }
    const args = operands(cx, tensors);
    cx.parallel(name, { ...args, ints: dtype === 'int32' }, units(args.n), grain);
  };
}

const whereOnHost = onHost<'where'>(host.where);

/** One element stands for all. */
const where: WasmKernel<'where'> = (cx, tensors) => {
  const { mask, y } = tensors;
  if ((y.dtype !== 'float32' && y.dtype !== 'int32') || size(mask) !== size(y)) {
    whereOnHost(cx, tensors, {});
    return;
  }
  const args = operands(cx, tensors);
  cx.parallel('where4', { ...args, mask: cx.address(mask) }, units(args.n), grain);
};

type MapName = Exclude<keyof ElementwiseKernels, BinaryName | RelationName>;

/** A kernel on one tensor, or on gradY and one. */
interface MapRow<N extends MapName> {
  /** The wasm function, if its name isn't the kernel's. */
  wasm?: MapFunction | BackwardFunction;
  /** The numbers p and q that the function depends on, each 0 unless given. */
  numbers?(attrs: KernelTable[N]['attrs']): readonly [p: number, q?: number];
  /** Takes long for each element. */
  slow?: boolean;
}

type MapRows = { readonly [N in MapName]?: MapRow<N> };

/** What isn't here `dispatch` composes of others. */
const rows = {
  affine: { numbers: ({ scale, shift }) => [scale, shift] },
  exp: { slow: true },
  log: { slow: true },
  sqrt: {},
  abs: {},
  sign: {},
  floor: {},
  ceil: {},
  trunc: {},
  round: {},
  relu: {},
  relu6: { wasm: 'clamp', numbers: () => [0, 6] },
  hardswish: {},
  hardsigmoid: {},
  leakyRelu: { numbers: ({ negativeSlope }) => [negativeSlope] },
  gelu: { slow: true },
  sigmoid: { slow: true },
  tanh: { slow: true },
  clamp: { numbers: ({ min, max }) => [min, max] },
} satisfies MapRows;

const backwardRows = {
  reluBackward: {},
  relu6Backward: { wasm: 'clampOpenBackward', numbers: () => [0, 6] },
  hardswishBackward: {},
  hardsigmoidBackward: {},
  leakyReluBackward: { numbers: ({ negativeSlope }) => [negativeSlope] },
  geluBackward: { slow: true },
  sigmoidBackward: {},
  tanhBackward: {},
  clampBackward: { numbers: ({ min, max }) => [min, max] },
} satisfies MapRows;

type AnyRow = Omit<MapRow<MapName>, 'numbers'> & {
  numbers?(attrs: object): readonly [p: number, q?: number];
};

function map(name: string, row: AnyRow) {
  const wasm = row.wasm ?? name;
  const least = row.slow ? slowGrain : grain;
  return (cx: KernelContext, tensors: Readonly<Record<string, WasmTensor>>, attrs: object) => {
    const { x, y, gradY, gradX } = tensors;
    const n = size(gradX ?? y);
    const [p, q = 0] = row.numbers?.(attrs) ?? [0];
    if (gradX) {
      // What the gradient is made of, x or y, is x there.
      const addresses = { x: cx.address(x ?? y), gradY: cx.address(gradY), gradX: cx.address(gradX) };
      cx.parallel(wasm as BackwardFunction, { ...addresses, n, p, q }, units(n), least);
    } else {
      const addresses = { x: cx.address(x), y: cx.address(y) };
      cx.parallel(wasm as MapFunction, { ...addresses, n, p, q }, units(n), least);
    }
  };
}

/** The kernels of the rows. */
function mapped<R extends MapRows>(of: R): { readonly [N in keyof R & MapName]: WasmKernel<N> } {
  const kernels = Object.entries(of as Readonly<Record<string, AnyRow>>).map(([name, row]) => [
    name,
    map(name, row),
  ]);
  return Object.fromEntries(kernels);
}

const applyMask: WasmKernel<'applyMask'> = (cx, { x, mask, y }, { scale }) => {
  const n = size(y);
  const args = { x: cx.address(x), mask: cx.address(mask), y: cx.address(y), n, scale };
  cx.parallel('applyMask', args, units(n), grain);
};

const anyPow = onHost<'pow'>(host.elementwise.pow);

/** Squares are common, other powers rare. */
const pow: WasmKernel<'pow'> = (cx, { x, y }, { exponent }) => {
  if (exponent !== 2) return anyPow(cx, { x, y }, { exponent });
  const n = size(y);
  const args = { a: cx.address(x), aStep: 4, b: cx.address(x), bStep: 4, y: cx.address(y), n };
  cx.parallel('mul', args, units(n), grain);
};

/** By the reference: rare, and no faster here. */
const rare = {
  sin: onHost<'sin'>(host.elementwise.sin),
  cos: onHost<'cos'>(host.elementwise.cos),
  tan: onHost<'tan'>(host.elementwise.tan),
  asin: onHost<'asin'>(host.elementwise.asin),
  acos: onHost<'acos'>(host.elementwise.acos),
  atan: onHost<'atan'>(host.elementwise.atan),
  sinh: onHost<'sinh'>(host.elementwise.sinh),
  cosh: onHost<'cosh'>(host.elementwise.cosh),
  asinh: onHost<'asinh'>(host.elementwise.asinh),
  acosh: onHost<'acosh'>(host.elementwise.acosh),
  atanh: onHost<'atanh'>(host.elementwise.atanh),
  erf: onHost<'erf'>(host.elementwise.erf),
  log1p: onHost<'log1p'>(host.elementwise.log1p),
  expm1: onHost<'expm1'>(host.elementwise.expm1),
};

/** The functions themselves. */
export const forward = {
  ...rare,
  add: clampable('add'),
  sub: binary('sub'),
  mul: clampable('mul'),
  div: binary('div'),
  maximum: binary('maximum'),
  minimum: binary('minimum'),
  power: fromHost('power'),
  fmod: fromHost('fmod'),
  remainder: fromHost('remainder'),
  floorDivide: fromHost('floorDivide'),
  atan2: fromHost('atan2'),
  eq: relation('eq'),
  ne: relation('ne'),
  lt: relation('lt'),
  le: relation('le'),
  logicalAnd: fromHost('logicalAnd'),
  logicalOr: fromHost('logicalOr'),
  where,
  pow,
  ...mapped(rows),
};

/** Their gradients, and what only training calls. */
export const backward = {
  applyMask,
  ...mapped(backwardRows),
};
