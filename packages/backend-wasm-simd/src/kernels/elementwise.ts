import { elementwiseBlock } from '../generated/constants';
import { type FunctionLike, type KernelContext, size, type WasmKernel, type WasmTensor } from '../kernel';
import { anyPow } from './on-host';

type Binary = FunctionLike<'add'>;
type Map = FunctionLike<'exp'>;
type MapBackward = FunctionLike<'reluBackward'>;

/** Units worth a thread; fewer of those that take long. */
const grain = 32;
const slowGrain = 8;

function units(n: number): number {
  return Math.ceil(n / elementwiseBlock);
}

/** y[n] = a ∘ b, where an operand of one element stands for all. */
function binary(name: Binary): WasmKernel<'add' | 'sub' | 'mul' | 'div'> {
  return (cx, { a, b, y }) => {
    const n = size(y);
    const step = (t: typeof a) => (size(t) === 1 ? 0 : 4);
    const addresses = { a: cx.address(a), b: cx.address(b), y: cx.address(y) };
    cx.parallel(name, { ...addresses, aStep: step(a), bStep: step(b), n }, units(n), grain);
  };
}

/** y[n] = f(x), f depending on p and q. */
function map(cx: KernelContext, name: Map, x: WasmTensor, y: WasmTensor, p = 0, q = 0, least = grain): void {
  const n = size(y);
  cx.parallel(name, { x: cx.address(x), y: cx.address(y), n, p, q }, units(n), least);
}

type Plain =
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'abs'
  | 'sign'
  | 'relu'
  | 'hardswish'
  | 'hardsigmoid'
  | 'gelu'
  | 'sigmoid'
  | 'tanh';

function unary(name: Map, least = grain): WasmKernel<Plain> {
  return (cx, { x, y }) => map(cx, name, x, y, 0, 0, least);
}

/** gradX[n] from gradY and x, or y. */
function mapBackward(
  cx: KernelContext,
  name: MapBackward,
  [x, gradY, gradX]: readonly [x: WasmTensor, gradY: WasmTensor, gradX: WasmTensor],
  p = 0,
  q = 0,
  least = grain,
): void {
  const n = size(gradX);
  const addresses = { x: cx.address(x), gradY: cx.address(gradY), gradX: cx.address(gradX) };
  cx.parallel(name, { ...addresses, n, p, q }, units(n), least);
}

type PlainBackward = 'reluBackward' | 'hardswishBackward' | 'hardsigmoidBackward' | 'geluBackward';

function backward(name: MapBackward, least = grain): WasmKernel<PlainBackward> {
  return (cx, { x, gradY, gradX }) => mapBackward(cx, name, [x, gradY, gradX], 0, 0, least);
}

function backwardByOutput(name: MapBackward): WasmKernel<'sigmoidBackward' | 'tanhBackward'> {
  return (cx, { y, gradY, gradX }) => mapBackward(cx, name, [y, gradY, gradX]);
}

export const add = binary('add');
export const sub = binary('sub');
export const mul = binary('mul');
export const div = binary('div');

export const affine: WasmKernel<'affine'> = (cx, { x, y }, { scale, shift }) =>
  map(cx, 'affine', x, y, scale, shift);

export const applyMask: WasmKernel<'applyMask'> = (cx, { x, mask, y }, { scale }) => {
  const n = size(y);
  const args = { x: cx.address(x), mask: cx.address(mask), y: cx.address(y), n, scale };
  cx.parallel('applyMask', args, units(n), grain);
};

export const exp = unary('exp', slowGrain);
export const log = unary('log', slowGrain);
export const sqrt = unary('sqrt');
export const abs = unary('abs');
export const sign = unary('sign');

/** Squares are common, other powers rare. */
export const pow: WasmKernel<'pow'> = (cx, { x, y }, { exponent }) => {
  if (exponent !== 2) return anyPow(cx, { x, y }, { exponent });
  const n = size(y);
  const args = { a: cx.address(x), aStep: 4, b: cx.address(x), bStep: 4, y: cx.address(y), n };
  cx.parallel('mul', args, units(n), grain);
};

export const relu = unary('relu');
export const reluBackward = backward('reluBackward');
export const relu6: WasmKernel<'relu6'> = (cx, { x, y }) => map(cx, 'clamp', x, y, 0, 6);
export const relu6Backward: WasmKernel<'relu6Backward'> = (cx, { x, gradY, gradX }) =>
  mapBackward(cx, 'clampOpenBackward', [x, gradY, gradX], 0, 6);
export const hardswish = unary('hardswish');
export const hardswishBackward = backward('hardswishBackward');
export const hardsigmoid = unary('hardsigmoid');
export const hardsigmoidBackward = backward('hardsigmoidBackward');
export const leakyRelu: WasmKernel<'leakyRelu'> = (cx, { x, y }, { negativeSlope }) =>
  map(cx, 'leakyRelu', x, y, negativeSlope);
export const leakyReluBackward: WasmKernel<'leakyReluBackward'> = (
  cx,
  { x, gradY, gradX },
  { negativeSlope },
) => mapBackward(cx, 'leakyReluBackward', [x, gradY, gradX], negativeSlope);
export const gelu = unary('gelu', slowGrain);
export const geluBackward = backward('geluBackward', slowGrain);
export const sigmoid = unary('sigmoid', slowGrain);
export const sigmoidBackward = backwardByOutput('sigmoidBackward');
export const tanh = unary('tanh', slowGrain);
export const tanhBackward = backwardByOutput('tanhBackward');
export const clamp: WasmKernel<'clamp'> = (cx, { x, y }, { min, max }) => map(cx, 'clamp', x, y, min, max);
export const clampBackward: WasmKernel<'clampBackward'> = (cx, { x, gradY, gradX }, { min, max }) =>
  mapBackward(cx, 'clampBackward', [x, gradY, gradX], min, max);
