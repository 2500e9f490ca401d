import { requireList, ShapeError } from '@octet/backend';
import { op } from '../../autograd';
import { expandTo, requireTensor, view } from '../../kernel';
import { checkShape, formatShape, sameShape } from '../../layout';
import { mapAxis, takeChannels } from '../../qparams';
import type { Tensor } from '../../tensor';
import { sumTo } from '../reduce/sum';

/**
 * A view in which dims of size 1 are repeated up to `shape`, and new dims may come in front; -1 keeps a size.
 * @throws ShapeError
 */
export function expand(x: Tensor, shape: readonly number[]): Tensor {
  requireTensor('expand', x);
  requireList('expand', 'shape', shape);
  const lead = shape.length - x.shape.length;
  const target = shape.map((d, i) => (d === -1 && i >= lead ? x.shape[i - lead] : d));
  if (lead < 0 || x.shape.some((d, i) => d !== 1 && d !== target[i + lead])) {
    throw new ShapeError({
      op: 'expand',
      expected: `a shape that ${formatShape(x.shape)} broadcasts to`,
      found: formatShape(shape),
      fix: 'Only dims of size 1 can be repeated; new dims come in front.',
    });
  }
  checkShape('expand', target);
  if (sameShape(target, x.shape)) return x;
  const moved = mapAxis(x.qparams, (axis) => axis + lead);
  const repeated =
    moved?.scheme === 'perChannel' && moved.scales.length !== target[moved.axis]
      ? takeChannels(moved, new Array<number>(target[moved.axis]).fill(0))
      : moved;
  const { shape: before } = x;
  return op('expand', { x }, () => [view(x, expandTo(x, target), repeated), (grad) => [sumTo(grad, before)]]);
}
