import { record, willRecord } from '../autograd';
import type { Tensor } from '../tensor';
import { scaled } from './affine';
import { applyBinary } from './elementwise';
import { sumTo } from './sum';

/** a * b, broadcast. @throws ShapeError, DTypeError */
export function mul(a: Tensor, b: Tensor | number): Tensor {
  if (typeof b === 'number') return scaled('mul', a, b, 0);
  const y = applyBinary('mul', a, b);
  const { shape: shapeA } = a;
  const { shape: shapeB } = b;
  // Each factor is kept for the other's gradient, if that is wanted.
  const savedA = willRecord(b) ? a : undefined;
  const savedB = willRecord(a) ? b : undefined;
  return record('mul', y, { a, b }, (grad) => [
    savedB && sumTo(mul(grad, savedB), shapeA),
    savedA && sumTo(mul(grad, savedA), shapeB),
  ]);
}
