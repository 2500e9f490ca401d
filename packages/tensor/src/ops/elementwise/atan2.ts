import { op } from '../../autograd';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { sumTo } from '../reduce/sum';
import { add } from './add';
import { div } from './div';
import { applyBinary } from './elementwise';
import { mul } from './mul';
import { neg } from './neg';
import { operandsOf, type Scalar } from './operands';
import { square } from './square';

/** The angle of the point (b, a), from -π to π, broadcast. @throws ShapeError, DTypeError */
export function atan2(first: Tensor | Scalar, second: Tensor | Scalar): Tensor {
  return tidy(() => {
    const [a, b] = operandsOf('atan2', first, second);
    return op('atan2', { a, b }, (save, needs) => {
      const [y, savedA, savedB] = [applyBinary('atan2', a, b), save(a), save(b)];
      return [
        y,
        (grad) => {
          const share = div(grad, add(square(savedA), square(savedB)));
          return [
            needs.a ? sumTo(mul(share, savedB), savedA.shape) : undefined,
            needs.b ? sumTo(neg(mul(share, savedA)), savedB.shape) : undefined,
          ];
        },
      ];
    });
  });
}
