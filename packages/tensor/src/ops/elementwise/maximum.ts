import { op } from '../../autograd';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { sumTo } from '../reduce/sum';
import { affine } from './affine';
import { applyBinary } from './elementwise';
import { operandsOf, type Scalar } from './operands';
import { eq, lt } from './relations';
import { where } from './where';

/**
 * The larger of a and b, broadcast; NaN if either is. Tensors of one dtype, float or int32, or a number. Where they are equal
 * each gets half of the gradient.
 * @throws ShapeError, DTypeError
 */
export function maximum(a: Tensor | Scalar, b: Tensor | Scalar): Tensor {
  return extreme('maximum', a, b);
}

/** The smaller of a and b, alike. @throws ShapeError, DTypeError */
export function minimum(a: Tensor | Scalar, b: Tensor | Scalar): Tensor {
  return extreme('minimum', a, b);
}

function extreme(name: 'maximum' | 'minimum', first: Tensor | Scalar, second: Tensor | Scalar): Tensor {
  return tidy(() => {
    const [a, b] = operandsOf(name, first, second);
    return op(name, { a, b }, (save, needs) => {
      const y = applyBinary(name, a, b);
      const [savedA, savedB] = [save(a), save(b)];
      /** grad where `x` was chosen, half of it where both were equal. */
      const share = (grad: Tensor, x: Tensor, other: Tensor) => {
        const lost = name === 'maximum' ? lt(x, other) : lt(other, x);
        const halved = where(eq(x, other), affine(grad, 0.5, 0), grad);
        return sumTo(where(lost, 0, halved), x.shape);
      };
      return [
        y,
        (grad) => [
          needs.a ? share(grad, savedA, savedB) : undefined,
          needs.b ? share(grad, savedB, savedA) : undefined,
        ],
      ];
    });
  });
}
