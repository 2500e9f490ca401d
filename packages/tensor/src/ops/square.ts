import { record } from '../autograd';
import type { Tensor } from '../tensor';
import { affine } from './affine';
import { applyBinary } from './elementwise';
import { mul } from './mul';

/** x² */
export function square(x: Tensor): Tensor {
  const y = applyBinary('mul', x, x, 'square');
  const saved = x.detach();
  return record('square', y, { x }, (grad) => [mul(grad, affine(saved, 2, 0))]);
}
