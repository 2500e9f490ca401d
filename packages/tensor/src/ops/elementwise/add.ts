import { op } from '../../autograd';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { sumTo } from '../reduce/sum';
import { scaled } from './affine';
import { type ClampOptions, clampedBy, clampOf } from './clamped';
import { applyBinary, gradientInside } from './elementwise';
import { isInteger, operandsOf, requireOther } from './operands';

/** a + b, broadcast; of int32, with whole numbers, int32 that wraps around. @throws ShapeError, DTypeError */
export function add(a: Tensor | number, b: Tensor | number, options?: ClampOptions): Tensor {
  const clamp = clampOf('add', options);
  if (typeof a === 'number') return add(requireOther('add', b), a, options);
  if (typeof b === 'number') {
    if (isInteger(a)) return tidy(() => add(...operandsOf('add', a, b), options));
    return clampedBy(clamp, () => scaled('add', a, 1, b));
  }
  return op('add', { a, b }, (save, needs) => {
    const y = applyBinary('add', a, b, 'add', clamp);
    const clamped = save(y, clamp !== undefined);
    const { shape: shapeA } = a;
    const { shape: shapeB } = b;
    return [
      y,
      (grad) => {
        const through = clamped && clamp ? gradientInside(clamped, grad, clamp) : grad;
        return [needs.a ? sumTo(through, shapeA) : undefined, needs.b ? sumTo(through, shapeB) : undefined];
      },
    ];
  });
}
