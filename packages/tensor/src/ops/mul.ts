import { op } from '../autograd';
import type { Tensor } from '../tensor';
import { scaled } from './affine';
import { applyBinary } from './elementwise';
import { sumTo } from './sum';

/** a * b, broadcast. @throws ShapeError, DTypeError */
export function mul(a: Tensor, b: Tensor | number): Tensor {
  if (typeof b === 'number') return scaled('mul', a, b, 0);
  return op('mul', { a, b }, (save, needs) => {
    const y = applyBinary('mul', a, b);
    const { shape: shapeA } = a;
    const { shape: shapeB } = b;
    const savedA = save(a, needs.b);
    const savedB = save(b, needs.a);
    return [
      y,
      (grad) => [savedB && sumTo(mul(grad, savedB), shapeA), savedA && sumTo(mul(grad, savedA), shapeB)],
    ];
  });
}
