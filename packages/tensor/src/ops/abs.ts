import { record } from '../autograd';
import type { Tensor } from '../tensor';
import { applyUnary } from './elementwise';
import { mul } from './mul';

/** |x|; the gradient at 0 is 0. */
export function abs(x: Tensor): Tensor {
  const y = applyUnary('abs', x, {});
  const saved = x.detach();
  return record('abs', y, { x }, (grad) => [mul(grad, applyUnary('sign', saved, {}))]);
}
