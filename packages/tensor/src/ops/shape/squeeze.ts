import { op } from '../../autograd';
import { requireTensor, view } from '../../kernel';
import { normalizeDim } from '../../layout';
import { dropAxis, mapAxis } from '../../qparams';
import type { Tensor } from '../../tensor';
import { reshape } from './reshape';

/** A view without the dim `dim`, if its size is 1; without `dim`, without all of size 1. @throws ArgumentError */
export function squeeze(x: Tensor, dim?: number): Tensor {
  requireTensor('squeeze', x);
  const only = dim === undefined ? undefined : normalizeDim('squeeze', dim, x.shape.length);
  const gone = (i: number) => x.shape[i] === 1 && (only === undefined || i === only);
  const kept = x.shape.map((_, i) => i).filter((i) => !gone(i));
  if (kept.length === x.shape.length) return x;
  const layout = {
    shape: kept.map((i) => x.shape[i]),
    strides: kept.map((i) => x.strides[i]),
    offset: x.offset,
  };
  const q = x.qparams;
  const lost = q?.scheme === 'perChannel' && gone(q.axis);
  const y = view(x, layout, lost ? dropAxis(q, 0) : mapAxis(q, (axis) => kept.indexOf(axis)));
  const { shape } = x;
  return op('squeeze', { x }, () => [y, (grad) => [reshape(grad, shape)]]);
}
