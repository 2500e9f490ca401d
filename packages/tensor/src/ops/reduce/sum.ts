import { requireFlag } from '@octet/backend';
import { op } from '../../autograd';
import {
  asOperand,
  asOuterAxisInner,
  emptyOn,
  expandTo,
  reducedLayout,
  requireFloat,
  requireTensor,
  run,
} from '../../kernel';
import { normalizeDims, sameShape } from '../../layout';
import type { Tensor } from '../../tensor';
import { reshape } from '../shape/reshape';
import { sumOfIntegers } from './integers';

/**
 * The sum over `dims` (all, if absent). That of an 8-bit tensor is qint32 at its scale, with zero point 0: exact.
 * @throws ArgumentError for a dim out of range, QuantizationError if an integer sum could reach 2^24
 */
export function sum(x: Tensor, dims?: number | readonly number[], keepDim = false): Tensor {
  requireFlag('sum', 'keepDim', keepDim);
  requireTensor('sum', x);
  const over = normalizeDims('sum', dims, x.shape.length);
  const { shape } = x;
  if (x.qparams) {
    const n = over.reduce((count, d) => count * shape[d], 1);
    return sumOfIntegers('sum', x, n, (steps) => applySum(steps, over, keepDim));
  }
  requireFloat('sum', x);
  return op('sum', { x }, () => [applySum(x, over, keepDim), (grad) => [spread(grad, shape, over)]]);
}

/** The sum over sorted dims, without a gradient, inside an op. */
export function applySum(x: Tensor, dims: readonly number[], keepDim: boolean): Tensor {
  const { operand, outer, inner, kept } = asOuterAxisInner(x, dims);
  const layout = reducedLayout(x, dims, kept, keepDim);
  const y = emptyOn(x, layout.shape, layout);
  run('sum', { x: operand }, { y: asOperand(y, [outer, inner]) }, {});
  return y;
}

/** A reduction's gradient seen under the shape from before, repeated along the reduced dims. Not recorded. */
export function spread(grad: Tensor, shape: readonly number[], dims: readonly number[]): Tensor {
  return expandTo(reshape(grad, withOnes(shape, dims)), shape);
}

/** `shape` with the dims `dims` of size 1. */
export function withOnes(shape: readonly number[], dims: readonly number[]): number[] {
  return shape.map((d, i) => (dims.includes(i) ? 1 : d));
}

/** Undoes a broadcast: sums `grad` down to `shape`. */
export function sumTo(grad: Tensor, shape: readonly number[]): Tensor {
  if (sameShape(grad.shape, shape)) return grad;
  const lead = grad.shape.length - shape.length;
  const dims = grad.shape
    .map((_, i) => i)
    .filter((i) => i < lead || (shape[i - lead] === 1 && grad.shape[i] !== 1));
  return reshape(sum(grad, dims, true), shape);
}
