import { ArgumentError } from '@octet/backend';
import { op } from '../../autograd';
import { requireTensor, view } from '../../kernel';
import { formatShape, normalizeDim, removed } from '../../layout';
import { dropAxis, mapAxis } from '../../qparams';
import type { Tensor } from '../../tensor';
import { scattered } from './slice';

/** A view of one index of a dim, which goes away; negative ones count from the end. @throws ArgumentError */
export function select(x: Tensor, dim: number, index: number): Tensor {
  requireTensor('select', x);
  const d = normalizeDim('select', dim, x.shape.length);
  const size = x.shape[d];
  const i = index < 0 ? index + size : index;
  if (!Number.isInteger(i) || i < 0 || i >= size) {
    throw new ArgumentError({
      op: 'select',
      expected: size > 0 ? `an index from ${-size} to ${size - 1}` : 'a dim that is not empty',
      found: String(index),
      fix: `Dim ${d} of shape ${formatShape(x.shape)} has size ${size}.`,
    });
  }
  const layout = {
    shape: removed(x.shape, d),
    strides: removed(x.strides, d),
    offset: x.offset + i * x.strides[d],
  };
  const q = x.qparams;
  const lost = q?.scheme === 'perChannel' && q.axis === d;
  const y = view(x, layout, lost ? dropAxis(q, i) : mapAxis(q, (axis) => (axis > d ? axis - 1 : axis)));
  const { shape } = x;
  return op('select', { x }, () => [y, (grad) => [scattered(grad, shape, (whole) => select(whole, d, i))]]);
}
