/** What the elementwise ops have in common. */
import { type KernelName, type KernelTable, requireNumbers } from '@octet/backend';
import { op } from '../autograd';
import { aligned, emptyLike, emptyOn, packed, requireFloat, run, withStrides } from '../kernel';
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

/** y = f(x) without a gradient, inside an op; `op` is its name for errors. */
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
  return y;
}

/** y = f(x), gradX from gradY and x by the kernel `backward`. */
export function unaryFromInput<N extends UnaryKernel, M extends FromInput>(
  name: N,
  backward: M,
  x: Tensor,
  attrs: KernelTable[N]['attrs'] & KernelTable[M]['attrs'],
): Tensor {
  return op(name, { x }, (save) => {
    const saved = save(x);
    return [applyUnary(name, x, attrs), (grad) => [gradientFromInput(backward, saved, grad, attrs)]];
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

/** y = f(x), gradX from gradY and y by the kernel `backward`. */
export function unaryFromOutput<N extends UnaryKernel, M extends FromOutput>(
  name: N,
  backward: M,
  x: Tensor,
  attrs: KernelTable[N]['attrs'] & KernelTable[M]['attrs'],
): Tensor {
  return op(name, { x }, (save) => {
    const y = applyUnary(name, x, attrs);
    const saved = save(y);
    return [
      y,
      (grad) => {
        const gradX = emptyLike(saved);
        run(
          backward,
          { y: saved, gradY: withStrides(grad, saved.strides) } as never,
          { gradX } as never,
          attrs,
        );
        return [gradX];
      },
    ];
  });
}

/** y = f(a, b) with broadcasting, without a gradient, inside an op; `op` is its name for errors. */
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
  return y;
}
