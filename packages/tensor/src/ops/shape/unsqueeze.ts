import { op } from '../../autograd';
import { requireTensor, view } from '../../kernel';
import { inserted, normalizeDim } from '../../layout';
import { mapAxis } from '../../qparams';
import type { Tensor } from '../../tensor';
import { squeeze } from './squeeze';

/** A view with a dim of size 1 in front of `dim` (of the result; -1 is the end). @throws ArgumentError */
export function unsqueeze(x: Tensor, dim: number): Tensor {
  requireTensor('unsqueeze', x);
  const at = normalizeDim('unsqueeze', dim, x.shape.length + 1);
  // The stride of a dim of size 1 is never used; this one keeps the memory order plain to see.
  const stride = at < x.shape.length ? x.shape[at] * x.strides[at] : 1;
  const layout = {
    shape: inserted(x.shape, at, 1),
    strides: inserted(x.strides, at, stride),
    offset: x.offset,
  };
  const y = view(
    x,
    layout,
    mapAxis(x.qparams, (axis) => (axis >= at ? axis + 1 : axis)),
  );
  return op('unsqueeze', { x }, () => [y, (grad) => [squeeze(grad, at)]]);
}
