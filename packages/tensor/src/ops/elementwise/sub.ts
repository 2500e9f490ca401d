import { checkOptions } from '@octet/backend';
import { op } from '../../autograd';
import type { Tensor } from '../../tensor';
import { sumTo } from '../reduce/sum';
import { scaled } from './affine';
import { applyBinary } from './elementwise';
import { neg } from './neg';

/** a - b, broadcast. @throws ShapeError, DTypeError */
export function sub(a: Tensor, b: Tensor | number, options?: Record<string, never>): Tensor {
  if (options !== undefined) checkOptions('sub', options);
  if (typeof b === 'number') return scaled('sub', a, 1, -b);
  return op('sub', { a, b }, (_, needs) => {
    const y = applyBinary('sub', a, b);
    const { shape: shapeA } = a;
    const { shape: shapeB } = b;
    return [
      y,
      (grad) => [needs.a ? sumTo(grad, shapeA) : undefined, needs.b ? neg(sumTo(grad, shapeB)) : undefined],
    ];
  });
}
