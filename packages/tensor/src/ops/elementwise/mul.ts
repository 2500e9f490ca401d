import { op } from '../../autograd';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { sumTo } from '../reduce/sum';
import { scaled } from './affine';
import { type ClampOptions, clampedBy, clampOf } from './clamped';
import { applyBinary, gradientInside } from './elementwise';
import { isInteger, operandsOf, requireOther } from './operands';

/** a * b, broadcast; of int32, with whole numbers, int32 that wraps around. @throws ShapeError, DTypeError */
export function mul(a: Tensor | number, b: Tensor | number, options?: ClampOptions): Tensor {
  const clamp = clampOf('mul', options);
  if (typeof a === 'number') return mul(requireOther('mul', b), a, options);
  if (typeof b === 'number') {
    if (isInteger(a)) return tidy(() => mul(...operandsOf('mul', a, b), options));
    return clampedBy(clamp, () => scaled('mul', a, b, 0));
  }
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
