import { checkOptions } from '@octet/backend';
import { record } from '../autograd';
import type { Tensor } from '../tensor';
import { scaled } from './affine';
import { applyBinary } from './elementwise';
import { neg } from './neg';
import { sumTo } from './sum';

/** a - b, broadcast. @throws ShapeError, DTypeError */
export function sub(a: Tensor, b: Tensor | number, options?: Record<string, never>): Tensor {
  if (options !== undefined) checkOptions('sub', options);
  if (typeof b === 'number') return scaled('sub', a, 1, -b);
  const y = applyBinary('sub', a, b);
  const { shape: shapeA } = a;
  const { shape: shapeB } = b;
  return record('sub', y, { a, b }, (grad, needs) => [
    needs[0] ? sumTo(grad, shapeA) : undefined,
    needs[1] ? neg(sumTo(grad, shapeB)) : undefined,
  ]);
}
