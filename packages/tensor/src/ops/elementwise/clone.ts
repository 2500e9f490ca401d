import { op } from '../../autograd';
import { denseInAnyOrder, emptyLike, requireTensor, run } from '../../kernel';
import type { Tensor } from '../../tensor';

/** A copy with memory of its own, any dtype; recorded, so that gradients flow through it. */
export function clone(x: Tensor): Tensor {
  requireTensor('clone', x);
  return op('clone', { x }, () => {
    const xd = denseInAnyOrder(x);
    const y = emptyLike(xd);
    const flat = { shape: [x.numel], xStrides: [1], yStrides: [1], xOffset: 0, yOffset: 0 };
    run('copyStrided', { x: xd }, { y }, flat);
    return [y, (grad) => [grad]];
  });
}
