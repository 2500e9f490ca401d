import { op } from '../../autograd';
import type { Tensor } from '../../tensor';
import { applyUnary } from './elementwise';
import { mul } from './mul';

/** e to the power x. */
export function exp(x: Tensor): Tensor {
  return op('exp', { x }, (save) => {
    const y = applyUnary('exp', x, {});
    const saved = save(y);
    return [y, (grad) => [mul(grad, saved)]];
  });
}
