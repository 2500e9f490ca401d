import type { Tensor } from '../../tensor';
import { mean } from '../reduce/mean';
import { sum } from '../reduce/sum';
import type { Reduction } from './nll-loss';

/** The losses as they are, their sum or their mean. */
export function reduced(losses: Tensor, reduction: Reduction): Tensor {
  if (reduction === 'none') return losses;
  return reduction === 'sum' ? sum(losses) : mean(losses);
}
