import { op } from '../../autograd';
import type { Tensor } from '../../tensor';
import { applyUnary } from './elementwise';

/** x * scale + shift, two numbers. */
export function affine(x: Tensor, scale: number, shift: number): Tensor {
  return scaled('affine', x, scale, shift);
}

/** `affine` as a part of the op `name`. */
export function scaled(name: string, x: Tensor, scale: number, shift: number): Tensor {
  return op(name, { x }, () => [
    applyUnary('affine', x, { scale, shift }, name),
    (grad) => [scale === 1 ? grad : affine(grad, scale, 0)],
  ]);
}
