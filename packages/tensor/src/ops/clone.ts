import { record } from '../autograd';
import { emptyLike, freeCopy, packed, requireTensor, run } from '../kernel';
import type { Tensor } from '../tensor';

/** A copy with memory of its own, any dtype; recorded, so that gradients flow through it. */
export function clone(x: Tensor): Tensor {
  requireTensor('clone', x);
  const xd = packed(x);
  const y = emptyLike(xd);
  const flat = { shape: [x.numel], xStrides: [1], yStrides: [1], xOffset: 0, yOffset: 0 };
  run('copyStrided', { x: xd }, { y }, flat);
  freeCopy(xd, x);
  return record('clone', y, { x }, (grad) => [grad]);
}
