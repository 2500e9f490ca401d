import { checkOptions, requireFlag, requireOneOf } from '@octet/backend';
import { requireFloat } from '../../kernel';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { affine } from '../elementwise/affine';
import { clamp } from '../elementwise/clamp';
import { exp } from '../elementwise/exp';
import { log } from '../elementwise/log';
import { mul } from '../elementwise/mul';
import { sub } from '../elementwise/sub';
import { sum } from '../reduce/sum';
import { requireSameShape } from './mse-loss';
import type { Reduction } from './nll-loss';
import { reduced } from './reduced';

export interface KlDivOptions {
  /** `batchMean` divides the sum by the size of the first dim, which is the divergence as it is defined. */
  reduction?: Reduction | 'batchMean';
  /** The target holds logarithms of probabilities, as the input does. */
  logTarget?: boolean;
}

/** The smallest normal float32: ln is finite there, and 0 times it is 0. */
const TINY = 2 ** -126;

/**
 * Kullback-Leibler divergence: target · (ln(target) - input), for logarithms of probabilities `input` and probabilities `target` (0 and more) of
 * one shape; 0 where the target is 0. The mean is that of all elements, as in PyTorch.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function klDiv(input: Tensor, target: Tensor, options: KlDivOptions = {}): Tensor {
  const { reduction = 'mean', logTarget = false } = checkOptions('klDiv', options, 'reduction logTarget');
  requireOneOf('klDiv', 'reduction', reduction, ['mean', 'batchMean', 'sum', 'none']);
  requireFlag('klDiv', 'logTarget', logTarget);
  requireFloat('klDiv', input, target);
  requireSameShape('klDiv', input, target);
  return tidy(() => {
    const losses = logTarget
      ? mul(exp(target), sub(target, input))
      : sub(mul(target, log(clamp(target, TINY))), mul(target, input));
    if (reduction === 'batchMean') return affine(sum(losses), 1 / (input.shape[0] ?? 1), 0);
    return reduced(losses, reduction);
  });
}
