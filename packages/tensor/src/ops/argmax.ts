import { requireFlag } from '@octet/backend';
import { aroundDims, as, dense, emptyOn, freeCopy, reducedLayout, requireFloat, run } from '../kernel';
import { normalizeDim } from '../layout';
import type { Tensor } from '../tensor';
import { requireElements } from './amax';

/**
 * Where the maximum along `dim` stands, the first of equals, as int32; without `dim`, in the flattened tensor.
 * @throws ShapeError if there is nothing to take the maximum of, ArgumentError for a dim out of range.
 */
export function argmax(x: Tensor, dim?: number, keepDim = false): Tensor {
  requireFlag('argmax', 'keepDim', keepDim);
  requireFloat('argmax', x);
  const all = x.shape.map((_, i) => i);
  if (dim === undefined) {
    requireElements('argmax', x, all);
    const y = emptyOn(x, keepDim ? all.map(() => 1) : [], { dtype: 'int32' });
    const xd = dense(x);
    run('argmax', { x: as(xd, [1, x.numel, 1]) }, { y: as(y, [1, 1]) }, {});
    freeCopy(xd, x);
    return y;
  }
  const over = [normalizeDim('argmax', dim, x.shape.length)];
  requireElements('argmax', x, over);
  const { operand, outer, inner, kept } = aroundDims(x, over);
  const layout = reducedLayout(x, over, kept, keepDim);
  const y = emptyOn(x, layout.shape, { dtype: 'int32', strides: layout.strides });
  run('argmax', { x: operand }, { y: as(y, [outer, inner]) }, {});
  freeCopy(operand.tensor, x);
  return y;
}
