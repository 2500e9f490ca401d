import { checkOptions } from '@octet/backend';
import { op } from '../../autograd';
import { asOperand, asOuterAxisInner, emptyOn, reducedLayout, requireFloat, run } from '../../kernel';
import { normalizeDims } from '../../layout';
import type { Tensor } from '../../tensor';
import { affine } from '../elementwise/affine';
import { mul } from '../elementwise/mul';
import { sub } from '../elementwise/sub';
import { reshape } from '../shape/reshape';
import { spread, withOnes } from './sum';

export interface VarianceOptions {
  /** n - correction is the divisor: 1 gives the unbiased estimate, 0 the biased one. */
  correction?: number;
  keepDim?: boolean;
}

/**
 * Σ (x - mean)² / (n - correction) over `dims` (all, if absent).
 * @throws ArgumentError for a dim out of range.
 */
export function variance(
  x: Tensor,
  dims?: number | readonly number[],
  options: VarianceOptions = {},
): Tensor {
  const { correction = 1, keepDim = false } = checkOptions('variance', options, 'correction keepDim');
  requireFloat('var', x);
  const over = normalizeDims('var', dims, x.shape.length);
  return op('var', { x }, (save) => {
    const { operand, outer, n, inner, kept } = asOuterAxisInner(x, over);
    const layout = reducedLayout(x, over, kept, keepDim);
    const y = emptyOn(x, layout.shape, layout);
    const mean = emptyOn(x, layout.shape, layout);
    run(
      'variance',
      { x: operand },
      { y: asOperand(y, [outer, inner]), mean: asOperand(mean, [outer, inner]) },
      { correction },
    );
    const [savedX, savedMean] = [save(x), save(mean)];
    return [
      y,
      (grad) => {
        const deviation = sub(savedX, reshape(savedMean, withOnes(savedX.shape, over)));
        return [mul(deviation, spread(affine(grad, 2 / (n - correction), 0), savedX.shape, over))];
      },
    ];
  });
}
