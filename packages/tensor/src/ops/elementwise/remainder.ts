import { op } from '../../autograd';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { sumTo } from '../reduce/sum';
import { div } from './div';
import { applyBinary } from './elementwise';
import { mul } from './mul';
import { neg } from './neg';
import { operandsOf, type Scalar } from './operands';
import { sub } from './sub';

/**
 * The rest of a / b with the sign of a, exact, broadcast; of int32 too, where a division by 0 leaves 0.
 * @throws ShapeError, DTypeError
 */
export function fmod(a: Tensor | Scalar, b: Tensor | Scalar): Tensor {
  return rest('fmod', a, b);
}

/** The same with the sign of b, as Python's %: a - floor(a / b) · b. @throws ShapeError, DTypeError */
export function remainder(a: Tensor | Scalar, b: Tensor | Scalar): Tensor {
  return rest('remainder', a, b);
}

function rest(name: 'fmod' | 'remainder', first: Tensor | Scalar, second: Tensor | Scalar): Tensor {
  return tidy(() => {
    const [a, b] = operandsOf(name, first, second);
    return op(name, { a, b }, (save, needs) => {
      const y = applyBinary(name, a, b);
      const [savedA, savedB, savedY] = [save(a, needs.b), save(b, needs.b), save(y, needs.b)];
      const { shape } = a;
      return [
        y,
        (grad) => {
          const gradB = () => {
            const quotient = div(sub(savedA as Tensor, savedY as Tensor), savedB as Tensor);
            return sumTo(neg(mul(grad, quotient)), (savedB as Tensor).shape);
          };
          return [needs.a ? sumTo(grad, shape) : undefined, needs.b ? gradB() : undefined];
        },
      ];
    });
  });
}

/**
 * The largest whole number that is at most a / b, broadcast; of int32 too, where a division by 0 gives 0. Without a gradient.
 * @throws ShapeError, DTypeError
 */
export function floorDivide(first: Tensor | Scalar, second: Tensor | Scalar): Tensor {
  return tidy(() => {
    const [a, b] = operandsOf('floorDivide', first, second);
    return op('floorDivide', { a, b }, () => [applyBinary('floorDivide', a, b)]);
  });
}
