import { ShapeError } from '@octet/backend';
import { op } from '../../autograd';
import { full } from '../../factory';
import { broadcastLayout, expandTo, requireTensor } from '../../kernel';
import { formatShape, normalizeDim, replaced } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { sumTo } from '../reduce/sum';
import { slice } from '../shape/slice';
import { around, gathered, requireIndexed } from './axis';
import { scatterInto } from './scatter';

/**
 * y [i][j][k] = x [index[i][j][k]][j][k] along dim 0, alike along others: the shape of the index (int32), whose other sizes are
 * at most those of x.
 * @throws ShapeError, DTypeError, ArgumentError for a dim or an index out of range
 */
export function gather(x: Tensor, dim: number, index: Tensor): Tensor {
  requireTensor('gather', x, index);
  const d = normalizeDim('gather', dim, x.shape.length);
  requireIndexed('gather', index, x.shape[d], x);
  requireWithin('gather', index, x, d);
  return gatherAt(x, d, index);
}

/** `gather` of an index that is known to be sound. */
export function gatherAt(x: Tensor, dim: number, index: Tensor): Tensor {
  return op('gather', { x }, (save) => {
    const part = cut(x, index.shape, dim);
    const saved = save(around(index, dim).tensor);
    const y = gathered(around(part, dim), around(saved, dim), index.shape);
    const { shape } = x;
    return [y, (grad) => [scatterInto(full(shape, 0, like(grad)), dim, saved, grad, 'add')]];
  });
}

/** Options for a tensor of the dtype and on the backend of another. */
export function like(x: Tensor) {
  return { dtype: x.storage.dtype, backend: x.backend };
}

/** `x` with the sizes of `shape` but along `dim`. */
export function cut(x: Tensor, shape: readonly number[], dim: number): Tensor {
  return shape.reduce((t, n, d) => (d === dim ? t : slice(t, d, 0, n)), x);
}

/** @throws ShapeError unless the index has the rank of x and, but along `dim`, no larger sizes */
export function requireWithin(op: string, index: Tensor, x: Tensor, dim: number): void {
  if (index.shape.length === x.shape.length && index.shape.every((n, d) => d === dim || n <= x.shape[d]))
    return;
  throw new ShapeError({
    op,
    expected: `an index of ${x.shape.length} dimensions, within ${formatShape(x.shape)} but along dim ${dim}`,
    found: formatShape(index.shape),
    fix: 'Expand or slice the index; takeAlongDim broadcasts it, indexSelect takes a list.',
  });
}

/**
 * `gather` whose index and x are broadcast to each other but along `dim`: what argsort and argmax with keepDim give, looked up.
 * @throws ShapeError, DTypeError, ArgumentError for a dim or an index out of range
 */
export function takeAlongDim(x: Tensor, index: Tensor, dim: number): Tensor {
  requireTensor('takeAlongDim', x, index);
  const d = normalizeDim('takeAlongDim', dim, x.shape.length);
  requireIndexed('takeAlongDim', index, x.shape[d], x);
  return tidy(() => {
    const { shape } = broadcastLayout('takeAlongDim', slice(x, d, 0, 1), slice(index, d, 0, 1));
    const spread = (t: Tensor) => expandTo(t, replaced(shape, d, t.shape[d]));
    return op('takeAlongDim', { x }, (save) => {
      const saved = save(around(spread(index), d).tensor);
      const whole = spread(x);
      const y = gathered(around(whole, d), around(saved, d), saved.shape);
      const [own, all] = [x.shape, whole.shape];
      return [y, (grad) => [sumTo(scatterInto(full(all, 0, like(grad)), d, saved, grad, 'add'), own)]];
    });
  });
}
