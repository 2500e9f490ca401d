import { checkOptions } from '@octet/backend';
import type { Tensor } from '../../tensor';
import { abs } from '../elementwise/abs';
import { elementwiseLoss, type LossOptions } from './mse-loss';

/** |a - b|, reduced; two tensors of one shape. @throws ShapeError, ArgumentError, DTypeError */
export function l1Loss(a: Tensor, b: Tensor, options: LossOptions = {}): Tensor {
  const { reduction = 'mean' } = checkOptions('l1Loss', options, 'reduction');
  return elementwiseLoss('l1Loss', a, b, reduction, abs);
}
