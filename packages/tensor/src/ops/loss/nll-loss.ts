import { ArgumentError, checkOptions, ShapeError } from '@octet/backend';
import { op } from '../../autograd';
import {
  asOperand,
  asOuterAxisInner,
  contiguous,
  emptyOn,
  present,
  reducedLayout,
  requireFloat,
  requireTensor,
  run,
  withStrides,
} from '../../kernel';
import { formatShape, sameShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { div } from '../elementwise/div';
import { requireIndices } from '../product/indices';
import { applySum, sum } from '../reduce/sum';

/** How a loss of many numbers becomes one; `none` leaves them. */
export type Reduction = 'mean' | 'sum' | 'none';

export interface NllLossOptions {
  /** A factor for each class, [C]. */
  weight?: Tensor | undefined;
  /** Targets of this value count for nothing. */
  ignoreIndex?: number;
  /** `mean` divides by the sum of the targets' weights. */
  reduction?: Reduction;
}

/**
 * -weight[target] · logProbs[target] for logProbs [N, C], [N, C, d1, …] or [C] and target (int32) of that shape without C.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function nllLoss(logProbs: Tensor, target: Tensor, options?: NllLossOptions): Tensor {
  const { reduction = 'mean', ...rest } = checkOptions('nllLoss', options, 'weight ignoreIndex reduction');
  requireReduction('nllLoss', reduction);
  const classDim = checkClasses('nllLoss', logProbs, target, rest);
  return tidy(() => {
    const { losses, weights } = nllLosses('nllLoss', logProbs, target, classDim, rest);
    return reduceWeighted(losses, weights, reduction);
  });
}

/** The loss of each target, and its weight, which is 0 for ignored ones. Arguments have passed `checkClasses`. */
export function nllLosses(
  name: string,
  logProbs: Tensor,
  target: Tensor,
  classDim: number,
  { weight, ignoreIndex = -100 }: NllLossOptions,
): { losses: Tensor; weights: Tensor } {
  const { kept } = asOuterAxisInner(logProbs, [classDim]);
  const layout = reducedLayout(logProbs, [classDim], kept, false);
  const weights = emptyOn(logProbs, layout.shape, layout);
  const losses = op(name, { logProbs }, (save) => {
    const { operand: scores, outer, n, inner } = asOuterAxisInner(logProbs, [classDim]);
    const at = [outer, inner];
    const t = withStrides(target.detach(), layout.strides);
    const y = emptyOn(logProbs, layout.shape, layout);
    run(
      'nllLoss',
      { logProbs: scores, target: asOperand(t, at), weight: weight && contiguous(weight) },
      { y: asOperand(y, at), w: asOperand(weights, at) },
      { ignoreIndex },
    );
    const [savedTarget, savedWeights] = [save(t), save(weights)];
    const { strides } = scores.tensor;
    const { shape } = logProbs;
    return [
      y,
      (grad) => {
        const gradX = emptyOn(grad, shape, { strides });
        run(
          'nllLossBackward',
          {
            gradY: asOperand(withStrides(grad, layout.strides), at),
            target: asOperand(savedTarget, at),
            w: asOperand(savedWeights, at),
          },
          { gradX: asOperand(gradX, [outer, n, inner]) },
          { ignoreIndex },
        );
        return [gradX];
      },
    ];
  });
  return { losses, weights };
}

/** The reduced loss; `mean` is weighted. */
export function reduceWeighted(losses: Tensor, weights: Tensor, reduction: Reduction): Tensor {
  if (reduction === 'none') return losses;
  if (reduction === 'sum') return sum(losses);
  const dims = weights.shape.map((_, i) => i);
  return div(sum(losses), applySum(weights, dims, false));
}

/** @throws ArgumentError for an unknown reduction. */
export function requireReduction(op: string, reduction: Reduction): void {
  if (reduction === 'mean' || reduction === 'sum' || reduction === 'none') return;
  throw new ArgumentError({
    op,
    expected: "reduction 'mean', 'sum' or 'none'",
    found: `'${reduction}'`,
    fix: 'Use one of these.',
  });
}

/**
 * Gives the dim of the classes.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function checkClasses(
  op: string,
  logits: Tensor,
  target: Tensor,
  { weight, ignoreIndex = -100 }: NllLossOptions,
): number {
  requireFloat(op, logits, ...present(weight));
  requireTensor(op, target);
  const rank = logits.shape.length;
  const classDim = rank === 1 ? 0 : 1;
  const expected = logits.shape.filter((_, i) => i !== classDim);
  if (rank === 0 || !sameShape(target.shape, expected)) {
    throw new ShapeError({
      op,
      expected: `logits [N, C, …] and target [N, …], here ${formatShape(expected)}`,
      found: `logits ${formatShape(logits.shape)} and target ${formatShape(target.shape)}`,
      fix: 'The target holds class numbers, not one-hot rows: argmax(1) turns those into numbers.',
    });
  }
  const classes = logits.shape[classDim];
  if (weight && !sameShape(weight.shape, [classes])) {
    throw new ShapeError({
      op,
      expected: `weight [${classes}], one for each class`,
      found: formatShape(weight.shape),
      fix: 'Pass as many weights as classes.',
    });
  }
  requireIndices(op, 'target', target, classes, ignoreIndex);
  return classDim;
}
