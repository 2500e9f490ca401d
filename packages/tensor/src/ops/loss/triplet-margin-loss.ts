import { ArgumentError, checkOptions, requireFlag, requireNumbers } from '@octet/backend';
import { requireFloat } from '../../kernel';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { abs } from '../elementwise/abs';
import { affine } from '../elementwise/affine';
import { pow } from '../elementwise/pow';
import { relu } from '../elementwise/relu';
import { sqrt } from '../elementwise/sqrt';
import { square } from '../elementwise/square';
import { sub } from '../elementwise/sub';
import { amax } from '../reduce/amax';
import { sum } from '../reduce/sum';
import { type LossOptions, requireSameShape } from './mse-loss';
import { requireReduction } from './nll-loss';
import { reduced } from './reduced';

export interface PairwiseDistanceOptions {
  /** Of the norm, above 0: 2 is the usual distance, Infinity the largest difference. */
  p?: number;
  /** Added to each difference. */
  eps?: number;
  keepDim?: boolean;
}

export interface TripletMarginLossOptions extends LossOptions {
  /** How much farther the negative should be than the positive. */
  margin?: number;
  /** Of the norm, above 0. */
  p?: number;
  /** Added to each difference. */
  eps?: number;
  /** Take the distance of positive and negative where that is the smaller one: Balntas et al., 2016. */
  swap?: boolean;
}

/**
 * (Σ |a - b + eps|ᵖ)^(1/p) over the last dim: the shape that a and b broadcast to, without that dim.
 * @throws ShapeError, DTypeError; ArgumentError unless p > 0
 */
export function pairwiseDistance(a: Tensor, b: Tensor, options: PairwiseDistanceOptions = {}): Tensor {
  const { p = 2, eps = 1e-6, keepDim = false } = checkOptions('pairwiseDistance', options, 'p eps keepDim');
  requireNumbers('pairwiseDistance', { p, eps });
  requireFlag('pairwiseDistance', 'keepDim', keepDim);
  requireNorm('pairwiseDistance', p);
  requireFloat('pairwiseDistance', a, b);
  return tidy(() => {
    const d = affine(sub(a, b), 1, eps);
    if (p === 2) return sqrt(sum(square(d), -1, keepDim));
    if (p === 1) return sum(abs(d), -1, keepDim);
    if (p === Number.POSITIVE_INFINITY) return amax(abs(d), -1, keepDim);
    return pow(sum(pow(abs(d), p), -1, keepDim), 1 / p);
  });
}

/**
 * max(0, |anchor - positive| - |anchor - negative| + margin), distances as `pairwiseDistance` has them, for three tensors [N, D] or [D]; reduced.
 * @throws ShapeError, DTypeError; ArgumentError unless p and margin are positive
 */
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: TripletMarginLossOptions = {},
): Tensor {
  const name = 'tripletMarginLoss';
  const {
    margin = 1,
    p = 2,
    eps = 1e-6,
    swap = false,
    reduction = 'mean',
  } = checkOptions(name, options, 'margin p eps swap reduction');
  requireNumbers(name, { margin, p, eps });
  requireFlag(name, 'swap', swap);
  requireReduction(name, reduction);
  requireNorm(name, p);
  if (!(margin > 0)) {
    throw new ArgumentError({
      op: name,
      expected: 'margin > 0',
      found: String(margin),
      fix: 'It is 1 by default.',
    });
  }
  requireFloat(name, anchor, positive, negative);
  requireSameShape(name, anchor, positive);
  requireSameShape(name, anchor, negative);
  return tidy(() => {
    const distance = (a: Tensor, b: Tensor) => pairwiseDistance(a, b, { p, eps });
    const near = distance(anchor, positive);
    const far = distance(anchor, negative);
    // The smaller one of x and y is x - max(0, x - y).
    const least = swap ? sub(far, relu(sub(far, distance(positive, negative)))) : far;
    return reduced(relu(affine(sub(near, least), 1, margin)), reduction);
  });
}

function requireNorm(op: string, p: number): void {
  if (p > 0) return;
  throw new ArgumentError({ op, expected: 'p > 0', found: String(p), fix: 'Use 1, 2 or Infinity.' });
}
