import { op } from '../../autograd';
import type { Tensor } from '../../tensor';
import { div } from './div';
import { applyUnary } from './elementwise';

/** The natural logarithm: NaN below 0, -Infinity at 0. */
export function log(x: Tensor): Tensor {
  return op('log', { x }, (save) => {
    const saved = save(x);
    return [applyUnary('log', x, {}), (grad) => [div(grad, saved)]];
  });
}
