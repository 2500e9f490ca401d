import { record } from '../autograd';
import type { Tensor } from '../tensor';
import { div } from './div';
import { applyUnary } from './elementwise';

/** The natural logarithm: NaN below 0, -Infinity at 0. */
export function log(x: Tensor): Tensor {
  const y = applyUnary('log', x, {});
  const saved = x.detach();
  return record('log', y, { x }, (grad) => [div(grad, saved)]);
}
