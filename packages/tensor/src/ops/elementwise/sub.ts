import { checkOptions } from '@octet/backend';
import { op } from '../../autograd';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { sumTo } from '../reduce/sum';
import { scaled } from './affine';
import { applyBinary } from './elementwise';
import { neg } from './neg';
import { isInteger, operandsOf, requireOther } from './operands';

/** a - b, broadcast; of int32, with whole numbers, int32 that wraps around. @throws ShapeError, DTypeError */
export function sub(a: Tensor | number, b: Tensor | number, options?: Record<string, never>): Tensor {
  if (options !== undefined) checkOptions('sub', options);
  if (typeof a === 'number') {
    const other = requireOther('sub', b);
    if (isInteger(other)) return tidy(() => sub(...operandsOf('sub', a, other)));
    return scaled('sub', other, -1, a);
  }
  if (typeof b === 'number') {
    if (isInteger(a)) return tidy(() => sub(...operandsOf('sub', a, b)));
    return scaled('sub', a, 1, -b);
  }
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

/** b - a, broadcast: `x.rsub(1)` is 1 - x. @throws ShapeError, DTypeError */
export function rsub(a: Tensor, b: Tensor | number): Tensor {
  return sub(b, a);
}
