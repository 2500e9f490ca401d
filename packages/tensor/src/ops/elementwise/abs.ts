import { op } from '../../autograd';
import type { Tensor } from '../../tensor';
import { applyUnary } from './elementwise';
import { mul } from './mul';

/** |x|; the gradient at 0 is 0. */
export function abs(x: Tensor): Tensor {
  return op('abs', { x }, (save) => {
    const saved = save(x);
    return [applyUnary('abs', x, {}), (grad) => [mul(grad, applyUnary('sign', saved, {}))]];
  });
}
