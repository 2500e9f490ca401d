import { checkOptions } from '@octet/backend';
import { record } from '../autograd';
import type { Tensor } from '../tensor';
import { scaled } from './affine';
import { applyBinary } from './elementwise';
import { sumTo } from './sum';

/** a + b, broadcast. @throws ShapeError, DTypeError */
export function add(a: Tensor, b: Tensor | number, options?: Record<string, never>): Tensor {
  if (options !== undefined) checkOptions('add', options);
  if (typeof b === 'number') return scaled('add', a, 1, b);
  const y = applyBinary('add', a, b);
  const { shape: shapeA } = a;
  const { shape: shapeB } = b;
  return record('add', y, { a, b }, (grad, needs) => [
    needs[0] ? sumTo(grad, shapeA) : undefined,
    needs[1] ? sumTo(grad, shapeB) : undefined,
  ]);
}
