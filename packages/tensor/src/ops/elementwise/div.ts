import { checkOptions } from '@octet/backend';
import { op } from '../../autograd';
import { full } from '../../factory';
import { requireTensor } from '../../kernel';
import type { Tensor } from '../../tensor';
import { sumTo } from '../reduce/sum';
import { applyBinary } from './elementwise';
import { mul } from './mul';
import { neg } from './neg';

/** a / b, broadcast. @throws ShapeError, DTypeError */
export function div(a: Tensor, b: Tensor | number, options?: Record<string, never>): Tensor {
  if (options !== undefined) checkOptions('div', options);
  const inputs = typeof b === 'number' ? { a } : { a, b };
  return op('div', inputs, (save, needs: { a: boolean; b?: boolean }) => {
    // A true division, not a product with the reciprocal, which would round twice.
    const divisor = typeof b === 'number' ? numberLike(a, b) : b;
    const y = applyBinary('div', a, divisor);
    const { shape: shapeA } = a;
    const { shape: shapeB } = divisor;
    const savedB = save(divisor);
    const savedY = save(y, needs.b === true);
    return [
      y,
      (grad) => {
        const perA = div(grad, savedB);
        return [sumTo(perA, shapeA), savedY && neg(sumTo(mul(perA, savedY), shapeB))];
      },
    ];
  });
}

function numberLike(x: Tensor, value: number): Tensor {
  requireTensor('div', x);
  return full([], value, { dtype: x.storage.dtype, backend: x.backend });
}
