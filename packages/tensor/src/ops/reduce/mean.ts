import { requireFlag } from '@octet/backend';
import { op } from '../../autograd';
import { requireFloat } from '../../kernel';
import { normalizeDims } from '../../layout';
import type { Tensor } from '../../tensor';
import { affine } from '../elementwise/affine';
import { applyUnary } from '../elementwise/elementwise';
import { applySum, spread } from './sum';

/** The mean over `dims` (all, if absent); NaN of nothing. @throws ArgumentError for a dim out of range. */
export function mean(x: Tensor, dims?: number | readonly number[], keepDim = false): Tensor {
  requireFlag('mean', 'keepDim', keepDim);
  requireFloat('mean', x);
  const over = normalizeDims('mean', dims, x.shape.length);
  const { shape } = x;
  const scale = 1 / over.reduce((n, d) => n * shape[d], 1);
  return op('mean', { x }, () => [
    applyUnary('affine', applySum(x, over, keepDim), { scale, shift: 0 }),
    (grad) => [spread(affine(grad, scale, 0), shape, over)],
  ]);
}
