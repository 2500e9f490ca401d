import type { Tensor } from '../tensor';
import { abs } from './abs';
import { elementwiseLoss, type LossOptions } from './mse-loss';

/** |a - b|, reduced; two tensors of one shape. @throws ShapeError, ArgumentError, DTypeError */
export function l1Loss(a: Tensor, b: Tensor, { reduction = 'mean' }: LossOptions = {}): Tensor {
  return elementwiseLoss('l1Loss', a, b, reduction, abs);
}
