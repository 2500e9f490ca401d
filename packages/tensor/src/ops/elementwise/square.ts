import { op } from '../../autograd';
import type { Tensor } from '../../tensor';
import { affine } from './affine';
import { applyBinary } from './elementwise';
import { mul } from './mul';

/** x² */
export function square(x: Tensor): Tensor {
  return op('square', { x }, (save) => {
    const saved = save(x);
    return [applyBinary('mul', x, x, 'square'), (grad) => [mul(grad, affine(saved, 2, 0))]];
  });
}
