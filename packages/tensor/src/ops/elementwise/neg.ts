import { op } from '../../autograd';
import { full } from '../../factory';
import type { Tensor } from '../../tensor';
import { scaled } from './affine';
import { applyBinary } from './elementwise';
import { isInteger } from './operands';

/** -x; of int32 too */
export function neg(x: Tensor): Tensor {
  if (!isInteger(x)) return scaled('neg', x, -1, 0);
  return op('neg', { x }, () => [
    applyBinary('sub', full([], 0, { dtype: 'int32', backend: x.backend }), x, 'neg'),
  ]);
}
