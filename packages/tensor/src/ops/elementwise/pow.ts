import { op } from '../../autograd';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { sumTo } from '../reduce/sum';
import { affine } from './affine';
import { applyBinary, applyUnary } from './elementwise';
import { log } from './log';
import { mul } from './mul';
import { isInteger, operandsOf, requireOther } from './operands';
import { eq, ge, logicalAnd } from './relations';
import { sub } from './sub';
import { where } from './where';

/**
 * x to the power of a number or a tensor, or a number to that of a tensor, broadcast. int32 stays int32; of a negative power
 * there the whole part.
 * @throws ShapeError, DTypeError
 */
export function pow(x: Tensor | number, exponent: Tensor | number): Tensor {
  if (typeof x === 'number' || typeof exponent !== 'number' || isInteger(x)) {
    return tidy(() => power(...operandsOf('pow', x, exponent)));
  }
  requireOther('pow', x);
  return op('pow', { x }, (save) => {
    const saved = save(x);
    return [
      applyUnary('pow', x, { exponent }),
      (grad) => {
        // 0 · x^-1 would be NaN at x = 0.
        if (exponent === 0) return [affine(grad, 0, 0)];
        return [mul(grad, affine(applyUnary('pow', saved, { exponent: exponent - 1 }), exponent, 0))];
      },
    ];
  });
}

/** a ** b of two tensors. */
function power(a: Tensor, b: Tensor): Tensor {
  return op('pow', { a, b }, (save, needs) => {
    const y = applyBinary('power', a, b, 'pow');
    const [savedA, savedB, savedY] = [save(a), save(b), save(y, needs.b)];
    return [
      y,
      (grad) => {
        const gradA = () => {
          const slope = mul(savedB, applyBinary('power', savedA, sub(savedB, 1)));
          return sumTo(mul(grad, where(eq(savedB, 0), 0, slope)), savedA.shape);
        };
        // 0 · log 0 would be NaN.
        const gradB = (result: Tensor) => {
          const none = logicalAnd(eq(savedA, 0), ge(savedB, 0));
          return sumTo(mul(grad, where(none, 0, mul(result, log(savedA)))), savedB.shape);
        };
        return [needs.a ? gradA() : undefined, savedY && gradB(savedY)];
      },
    ];
  });
}
