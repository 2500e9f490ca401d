import { freeHelper, record } from '../autograd';
import { emptyLike, freeCopy, packed, run, withStrides } from '../kernel';
import type { Tensor } from '../tensor';

/** mask ? x · scale : 0, where `mask` (bool) has the shape of x. */
export function applyMask(op: string, x: Tensor, mask: Tensor, scale: number): Tensor {
  const xd = packed(x);
  const aligned = withStrides(mask, xd.strides);
  const apply = (t: Tensor) => {
    const y = emptyLike(t);
    run('applyMask', { x: t, mask: aligned }, { y }, { scale });
    return y;
  };
  const y = apply(xd);
  freeCopy(xd, x);
  record(op, y, { x }, (grad) => [apply(withStrides(grad, aligned.strides))]);
  freeHelper(aligned, y, mask);
  return y;
}
