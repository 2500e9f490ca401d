import { record } from '../autograd';
import type { Tensor } from '../tensor';
import { applyUnary } from './elementwise';
import { mul } from './mul';

/** e to the power x. */
export function exp(x: Tensor): Tensor {
  const y = applyUnary('exp', x, {});
  const saved = y.detach();
  return record('exp', y, { x }, (grad) => [mul(grad, saved)]);
}
