import type { Tensor } from '../tensor';
import { affine } from './affine';

/** -x */
export function neg(x: Tensor): Tensor {
  return affine(x, -1, 0);
}
