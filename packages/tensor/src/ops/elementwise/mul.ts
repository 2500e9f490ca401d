import { op } from '../../autograd';
import type { Tensor } from '../../tensor';
import { sumTo } from '../reduce/sum';
import { scaled } from './affine';
import { type ClampOptions, clampedBy, clampOf } from './clamped';
import { applyBinary, gradientInside } from './elementwise';

/** a * b, broadcast. @throws ShapeError, DTypeError */
export function mul(a: Tensor, b: Tensor | number, options?: ClampOptions): Tensor {
  const clamp = clampOf('mul', options);
  if (typeof b === 'number') return clampedBy(clamp, () => scaled('mul', a, b, 0));
  return op('mul', { a, b }, (save, needs) => {
    const y = applyBinary('mul', a, b, 'mul', clamp);
    const clamped = save(y, clamp !== undefined);
    const { shape: shapeA } = a;
    const { shape: shapeB } = b;
    const savedA = save(a, needs.b);
    const savedB = save(b, needs.a);
    return [
      y,
      (grad) => {
        const through = clamped && clamp ? gradientInside(clamped, grad, clamp) : grad;
        return [savedB && sumTo(mul(through, savedB), shapeA), savedA && sumTo(mul(through, savedA), shapeB)];
      },
    ];
  });
}
