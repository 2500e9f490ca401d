import { op } from '../../autograd';
import { denseInAnyOrder, emptyLike, run, withStrides } from '../../kernel';
import type { Tensor } from '../../tensor';

/** mask ? x · scale : 0, where `mask` (bool) has the shape of x. */
export function applyMask(name: string, x: Tensor, mask: Tensor, scale: number): Tensor {
  return op(name, { x }, (save) => {
    const xd = denseInAnyOrder(x);
    const aligned = withStrides(mask, xd.strides);
    const saved = save(aligned);
    const apply = (t: Tensor, by: Tensor) => {
      const y = emptyLike(t);
      run('applyMask', { x: t, mask: by }, { y }, { scale });
      return y;
    };
    return [apply(xd, aligned), (grad) => [apply(withStrides(grad, saved.strides), saved)]];
  });
}
