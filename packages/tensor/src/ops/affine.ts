import { record } from '../autograd';
import type { Tensor } from '../tensor';
import { applyUnary } from './elementwise';

/** x * scale + shift, two numbers. */
export function affine(x: Tensor, scale: number, shift: number): Tensor {
  return scaled('affine', x, scale, shift);
}

/** `affine` as a part of the op `op`. */
export function scaled(op: string, x: Tensor, scale: number, shift: number): Tensor {
  const y = applyUnary('affine', x, { scale, shift }, op);
  return record(op, y, { x }, (grad) => [scale === 1 ? grad : affine(grad, scale, 0)]);
}
