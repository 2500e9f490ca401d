/** What the elementwise ops have in common. */
import {
  elementwiseFunctions,
  type KernelName,
  type KernelTable,
  requireNumbers,
  type UnaryName,
} from '@octet/backend';
import { record } from '../autograd';
import { aligned, emptyLike, emptyOn, freeCopy, packed, requireFloat, run, withStrides } from '../kernel';
import type { Tensor } from '../tensor';

type UnaryKernel = {
  [N in KernelName]: KernelTable[N] extends { in: 'x'; out: 'y' } ? N : never;
}[KernelName];
type FromInput = {
  [N in KernelName]: KernelTable[N] extends { in: 'x' | 'gradY'; out: 'gradX' } ? N : never;
}[KernelName];
type FromOutput = {
  [N in KernelName]: KernelTable[N] extends { in: 'y' | 'gradY'; out: 'gradX' } ? N : never;
}[KernelName];

/** y = f(x) without a gradient; `op` is its name for errors. */
export function applyUnary<N extends UnaryKernel>(
  name: N,
  x: Tensor,
  attrs: KernelTable[N]['attrs'],
  op: string = name,
): Tensor {
  requireFloat(op, x);
  requireNumbers(op, attrs);
  const xd = packed(x);
  const y = emptyLike(xd);
  run(name, { x: xd } as never, { y } as never, attrs);
  freeCopy(xd, x);
  return y;
}

/** The functions of one tensor that have a backward kernel. */
type Differentiable = {
  [N in UnaryKernel]: `${N}Backward` extends FromInput | FromOutput ? N : never;
}[UnaryKernel];

/** y = f(x) with the gradient of its row, from x or y. */
export function elementwise<N extends Differentiable>(
  name: N,
  x: Tensor,
  attrs: KernelTable[N]['attrs'],
): Tensor {
  const y = applyUnary(name, x, attrs);
  const fromOutput = elementwiseFunctions[name as UnaryName].from === 'y';
  const backward = `${name}Backward` as FromInput;
  if (!fromOutput)
    return record(name, y, { x }, (grad) => [gradientFromInput(backward, x, grad, attrs as never)]);
  const saved = y.detach();
  return record(name, y, { x }, (grad) => {
    const gradX = emptyLike(saved);
    run(backward, { y: saved, gradY: withStrides(grad, saved.strides) } as never, { gradX }, attrs as never);
    return [gradX];
  });
}

/** gradX from gradY and x by the kernel `backward`. */
export function gradientFromInput<M extends FromInput>(
  backward: M,
  x: Tensor,
  gradY: Tensor,
  attrs: KernelTable[M]['attrs'],
): Tensor {
  const xd = packed(x);
  const gradX = emptyLike(xd);
  run(backward, { x: xd, gradY: withStrides(gradY, xd.strides) } as never, { gradX } as never, attrs);
  return gradX;
}

/** y = f(a, b) with broadcasting, without a gradient; `op` is its name for errors. */
export function applyBinary(
  name: 'add' | 'sub' | 'mul' | 'div',
  a: Tensor,
  b: Tensor,
  op: string = name,
): Tensor {
  requireFloat(op, a, b);
  const { shape, strides, operands } = aligned(op, a, b);
  const y = emptyOn(a, shape, { strides });
  run(name, { a: operands[0], b: operands[1] }, { y }, {});
  freeCopy(operands[0], a);
  freeCopy(operands[1], b);
  return y;
}
