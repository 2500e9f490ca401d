import { checkOptions } from '@octet/backend';
import { op } from '../../autograd';
import { full } from '../../factory';
import { requireTensor } from '../../kernel';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { sumTo } from '../reduce/sum';
import { cast } from './cast';
import { applyBinary } from './elementwise';
import { mul } from './mul';
import { neg } from './neg';
import { isInteger, operandsOf } from './operands';

/** a / b, broadcast; float32 of int32. @throws ShapeError, DTypeError */
export function div(a: Tensor | number, b: Tensor | number, options?: Record<string, never>): Tensor {
  if (options !== undefined) checkOptions('div', options);
  if (typeof a === 'number' || isInteger(a) || (typeof b !== 'number' && isInteger(b)))
    return tidy(() => {
      const [x, y] = operandsOf('div', a, b).map((t) => (isInteger(t) ? cast(t, 'float32') : t));
      return div(x, y);
    });
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
