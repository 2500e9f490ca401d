import { ArgumentError, checkOptions } from '@octet/backend';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { add } from '../elementwise/add';
import { affine } from '../elementwise/affine';
import { cast } from '../elementwise/cast';
import { applyMask } from '../elementwise/mask';
import { mul } from '../elementwise/mul';
import { logSoftmax } from '../reduce/log-softmax';
import { sum } from '../reduce/sum';
import { reshape } from '../shape/reshape';
import { checkClasses, type NllLossOptions, nllLosses, reduceWeighted, requireReduction } from './nll-loss';

export interface CrossEntropyOptions extends NllLossOptions {
  /** The share of the target that is spread evenly over all classes, 0 … 1. */
  labelSmoothing?: number;
}

/**
 * nllLoss(logSoftmax(logits)) for logits [N, C], [N, C, d1, …] or [C] and target (int32) of that shape without C. With
 * labelSmoothing ε: (1 - ε) · that + ε / C · Σ over classes of -weight · logSoftmax.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function crossEntropy(logits: Tensor, target: Tensor, options?: CrossEntropyOptions): Tensor {
  const {
    labelSmoothing = 0,
    reduction = 'mean',
    ...rest
  } = checkOptions('crossEntropy', options, 'weight ignoreIndex reduction labelSmoothing');
  const { weight, ignoreIndex } = rest;
  requireReduction('crossEntropy', reduction);
  const classDim = checkClasses('crossEntropy', logits, target, rest);
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new ArgumentError({
      op: 'crossEntropy',
      expected: 'labelSmoothing from 0 to 1',
      found: String(labelSmoothing),
      fix: 'It is the share of the target given to all classes, often 0.1.',
    });
  }
  return tidy(() => {
    const logProbs = logSoftmax(logits, classDim);
    const { losses, weights } = nllLosses('crossEntropy', logProbs, target, classDim, rest);
    const hard = reduceWeighted(losses, weights, reduction);
    if (labelSmoothing === 0) return hard;
    const classes = logits.shape[classDim];
    const perClass = logits.shape.map((_, i) => (i === classDim ? classes : 1));
    const weighted = weight ? mul(logProbs, reshape(weight.detach(), perClass)) : logProbs;
    // Without class weights the kernel's weights are 1, and 0 exactly where the target is ignored.
    const unweighted = weight
      ? nllLosses('crossEntropy', logProbs.detach(), target, classDim, { ignoreIndex })
      : { losses, weights };
    const mask = cast(unweighted.weights, 'bool');
    const spread = applyMask('crossEntropy', sum(weighted, classDim), mask, -1);
    const smooth = reduceWeighted(spread, weights, reduction);
    return add(affine(hard, 1 - labelSmoothing, 0), affine(smooth, labelSmoothing / classes, 0));
  });
}
