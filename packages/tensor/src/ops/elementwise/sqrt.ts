import { op } from '../../autograd';
import type { Tensor } from '../../tensor';
import { affine } from './affine';
import { div } from './div';
import { applyUnary } from './elementwise';

/** The square root: NaN below 0. The gradient at 0 is infinite. */
export function sqrt(x: Tensor): Tensor {
  return op('sqrt', { x }, (save) => {
    const y = applyUnary('sqrt', x, {});
    const saved = save(y);
    return [y, (grad) => [div(grad, affine(saved, 2, 0))]];
  });
}
