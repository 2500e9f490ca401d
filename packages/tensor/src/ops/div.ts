import { checkOptions } from '@octet/backend';
import { freeHelper, record, willRecord } from '../autograd';
import { full } from '../factory';
import { requireTensor } from '../kernel';
import type { Tensor } from '../tensor';
import { applyBinary } from './elementwise';
import { mul } from './mul';
import { neg } from './neg';
import { sumTo } from './sum';

/** a / b, broadcast. @throws ShapeError, DTypeError */
export function div(a: Tensor, b: Tensor | number, options?: Record<string, never>): Tensor {
  if (options !== undefined) checkOptions('div', options);
  // A true division, not a product with the reciprocal, which would round twice.
  const divisor = typeof b === 'number' ? numberLike(a, b) : b;
  const y = applyBinary('div', a, divisor);
  const { shape: shapeA } = a;
  const { shape: shapeB } = divisor;
  const savedY = willRecord(divisor) ? y.detach() : undefined;
  const out = record('div', y, { a, b: divisor }, (grad) => {
    const perA = div(grad, divisor);
    return [sumTo(perA, shapeA), savedY && neg(sumTo(mul(perA, savedY), shapeB))];
  });
  if (typeof b === 'number') freeHelper(divisor, out);
  return out;
}

function numberLike(x: Tensor, value: number): Tensor {
  requireTensor('div', x);
  return full([], value, { dtype: x.storage.dtype, backend: x.backend });
}
