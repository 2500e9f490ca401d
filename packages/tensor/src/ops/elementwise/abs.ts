import { op } from '../../autograd';
import type { Tensor } from '../../tensor';
import { applyBinary, applyUnary } from './elementwise';
import { mul } from './mul';
import { neg } from './neg';
import { isInteger } from './operands';

/** |x|, of int32 too; the gradient at 0 is 0. */
export function abs(x: Tensor): Tensor {
  if (isInteger(x)) return op('abs', { x }, () => [applyBinary('maximum', x, neg(x), 'abs')]);
  return op('abs', { x }, (save) => {
    const saved = save(x);
    return [applyUnary('abs', x, {}), (grad) => [mul(grad, applyUnary('sign', saved, {}))]];
  });
}
