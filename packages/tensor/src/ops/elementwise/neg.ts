import type { Tensor } from '../../tensor';
import { scaled } from './affine';

/** -x */
export function neg(x: Tensor): Tensor {
  return scaled('neg', x, -1, 0);
}
