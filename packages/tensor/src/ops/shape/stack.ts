import { ShapeError } from '@octet/backend';
import { formatShape, normalizeDim, sameShape } from '../../layout';
import type { Tensor } from '../../tensor';
import { firstOf, joined } from './cat';
import { unsqueeze } from './unsqueeze';

/** Tensors of one shape along a new dim. @throws ShapeError, DTypeError, ArgumentError */
export function stack(tensors: readonly Tensor[], dim = 0): Tensor {
  const first = firstOf('stack', tensors);
  const d = normalizeDim('stack', dim, first.shape.length + 1);
  for (const t of tensors) {
    if (sameShape(t.shape, first.shape)) continue;
    throw new ShapeError({
      op: 'stack',
      expected: `tensors of shape ${formatShape(first.shape)}`,
      found: formatShape(t.shape),
      fix: 'All must have one shape; to join along a dim they have use cat.',
    });
  }
  return joined(
    'stack',
    tensors.map((t) => unsqueeze(t, d)),
    d,
  );
}
