import { requireFlag, ShapeError } from '@octet/backend';
import { op } from '../../autograd';
import {
  asOperand,
  asOuterAxisInner,
  emptyLike,
  emptyOn,
  reducedLayout,
  requireFloat,
  requireTensor,
  run,
  withStrides,
} from '../../kernel';
import { formatShape, normalizeDims } from '../../layout';
import type { Tensor } from '../../tensor';
import { oneOfIntegers } from './integers';

/**
 * The maximum over `dims` (all, if absent); the gradient is shared evenly among equal maxima. An 8-bit tensor keeps its scale and zero
 * point.
 * @throws ShapeError if there is nothing to take the maximum of, ArgumentError for a dim out of range.
 */
export function amax(x: Tensor, dims?: number | readonly number[], keepDim = false): Tensor {
  requireFlag('amax', 'keepDim', keepDim);
  requireTensor('amax', x);
  if (x.qparams) return oneOfIntegers('amax', x, (steps) => amax(steps, dims, keepDim));
  requireFloat('amax', x);
  const over = normalizeDims('amax', dims, x.shape.length);
  requireElements('amax', x, over);
  return op('amax', { x }, (save) => {
    const { operand, outer, n, inner, kept } = asOuterAxisInner(x, over);
    const layout = reducedLayout(x, over, kept, keepDim);
    const y = emptyOn(x, layout.shape, layout);
    run('amax', { x: operand }, { y: asOperand(y, [outer, inner]) }, {});
    const savedX = save(operand.tensor);
    const savedY = save(y);
    return [
      y,
      (grad) => {
        const gradX = emptyLike(savedX);
        run(
          'amaxBackward',
          {
            x: asOperand(savedX, operand.shape),
            y: asOperand(savedY, [outer, inner]),
            gradY: asOperand(withStrides(grad, savedY.strides), [outer, inner]),
          },
          { gradX: asOperand(gradX, [outer, n, inner]) },
          {},
        );
        return [gradX];
      },
    ];
  });
}

/** @throws ShapeError if any of the dims has size 0. */
export function requireElements(op: string, x: Tensor, dims: readonly number[]): void {
  if (dims.every((d) => x.shape[d] > 0)) return;
  throw new ShapeError({
    op,
    expected: 'at least one element along the reduced dims',
    found: formatShape(x.shape),
    fix: 'Nothing has no maximum: skip empty batches.',
  });
}
