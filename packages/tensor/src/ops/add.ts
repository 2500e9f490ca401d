import { checkOptions } from '@octet/backend';
import { op } from '../autograd';
import type { Tensor } from '../tensor';
import { scaled } from './affine';
import { applyBinary } from './elementwise';
import { sumTo } from './sum';

/** a + b, broadcast. @throws ShapeError, DTypeError */
export function add(a: Tensor, b: Tensor | number, options?: Record<string, never>): Tensor {
  if (options !== undefined) checkOptions('add', options);
  if (typeof b === 'number') return scaled('add', a, 1, b);
  return op('add', { a, b }, (_, needs) => {
    const y = applyBinary('add', a, b);
    const { shape: shapeA } = a;
    const { shape: shapeB } = b;
    return [
      y,
      (grad) => [needs.a ? sumTo(grad, shapeA) : undefined, needs.b ? sumTo(grad, shapeB) : undefined],
    ];
  });
}
