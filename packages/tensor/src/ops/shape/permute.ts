import { ArgumentError, requireList } from '@octet/backend';
import { op } from '../../autograd';
import { requireTensor, view } from '../../kernel';
import { normalizeDim } from '../../layout';
import { mapAxis } from '../../qparams';
import type { Tensor } from '../../tensor';

/** A view with the dims in another order: dim i of the result is dim dims[i] of x. @throws ArgumentError */
export function permute(x: Tensor, dims: readonly number[]): Tensor {
  requireTensor('permute', x);
  requireList('permute', 'dims', dims);
  const rank = x.shape.length;
  const order = dims.map((d) => normalizeDim('permute', d, rank));
  if (order.length !== rank || new Set(order).size !== rank) {
    throw new ArgumentError({
      op: 'permute',
      expected: `each of the ${rank} dims once`,
      found: `[${dims.join(', ')}]`,
      fix: 'List all dims in their new order.',
    });
  }
  const layout = {
    shape: order.map((d) => x.shape[d]),
    strides: order.map((d) => x.strides[d]),
    offset: x.offset,
  };
  const y = view(
    x,
    layout,
    mapAxis(x.qparams, (axis) => order.indexOf(axis)),
  );
  const back = order.map((_, i) => order.indexOf(i));
  return op('permute', { x }, () => [y, (grad) => [permute(grad, back)]]);
}
