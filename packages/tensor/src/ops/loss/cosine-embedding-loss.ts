import { checkOptions, requireType, ShapeError } from '@octet/backend';
import { requireFloat, requireTensor } from '../../kernel';
import { formatShape, normalizeDim, removed, sameShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { abs } from '../elementwise/abs';
import { add } from '../elementwise/add';
import { affine } from '../elementwise/affine';
import { cast } from '../elementwise/cast';
import { clamp } from '../elementwise/clamp';
import { div } from '../elementwise/div';
import { mul } from '../elementwise/mul';
import { sqrt } from '../elementwise/sqrt';
import { square } from '../elementwise/square';
import { sum } from '../reduce/sum';
import { type LossOptions, requireSameShape } from './mse-loss';
import { requireReduction } from './nll-loss';
import { reduced } from './reduced';

export interface CosineSimilarityOptions {
  /** The dim of the vectors. */
  dim?: number;
  /** The least length that is divided by. */
  eps?: number;
}

export interface CosineEmbeddingLossOptions extends LossOptions {
  /** What the cosine of dissimilar ones may be, -1 … 1. */
  margin?: number;
}

/**
 * Σ a · b / (max(|a|, eps) · max(|b|, eps)) over one dim: the shape that a and b broadcast to, without that dim.
 * @throws ShapeError, DTypeError; ArgumentError for a dim out of range
 */
export function cosineSimilarity(a: Tensor, b: Tensor, options: CosineSimilarityOptions = {}): Tensor {
  const { dim = 1, eps = 1e-8 } = checkOptions('cosineSimilarity', options, 'dim eps');
  requireType('cosineSimilarity', 'eps', eps, 'number');
  requireFloat('cosineSimilarity', a, b);
  const d = normalizeDim('cosineSimilarity', dim, Math.max(a.dim, b.dim));
  return tidy(() => {
    const products = mul(a, b);
    // Counted from the end, for the smaller one may have fewer dims.
    const over = d - products.dim;
    const length = (x: Tensor) => {
      const squares = x.dim + over < 0 ? square(x) : sum(square(x), over);
      return sqrt(clamp(squares, eps * eps));
    };
    return div(div(sum(products, over), length(a)), length(b));
  });
}

/**
 * 1 - cos(a, b) where target is 1, max(0, cos(a, b) - margin) where it is -1, for a and b [N, D] and target [N] (or [D] and []); reduced.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function cosineEmbeddingLoss(
  a: Tensor,
  b: Tensor,
  target: Tensor,
  options: CosineEmbeddingLossOptions = {},
): Tensor {
  const name = 'cosineEmbeddingLoss';
  const { margin = 0, reduction = 'mean' } = checkOptions(name, options, 'margin reduction');
  requireType(name, 'margin', margin, 'number');
  requireReduction(name, reduction);
  requireFloat(name, a, b);
  requireTensor(name, target);
  requireSameShape(name, a, b);
  if (a.dim < 1 || a.dim > 2 || !sameShape(target.shape, removed(a.shape, a.dim - 1))) {
    throw new ShapeError({
      op: name,
      expected: 'two inputs [N, D] and target [N]',
      found: `${formatShape(a.shape)} and target ${formatShape(target.shape)}`,
      fix: 'The target has 1 or -1 for each pair of rows.',
    });
  }
  return tidy(() => {
    const dtype = a.dtype === 'float64' ? 'float64' : 'float32';
    // 1 where the target is this number, else 0.
    const is = (value: number) =>
      clamp(affine(abs(affine(cast(target.detach(), dtype), 1, -value)), -1, 1), 0);
    // PyTorch's loss adds its small number to the squares, where cosineSimilarity bounds the lengths.
    const eps = 1e-12;
    const squares = mul(affine(sum(square(a), -1), 1, eps), affine(sum(square(b), -1), 1, eps));
    const cosine = div(sum(mul(a, b), -1), sqrt(squares));
    const alike = mul(affine(cosine, -1, 1), is(1));
    const unlike = mul(clamp(affine(cosine, 1, -margin), 0), is(-1));
    return reduced(add(alike, unlike), reduction);
  });
}
