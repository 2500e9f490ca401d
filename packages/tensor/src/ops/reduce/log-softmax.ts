import type { Tensor } from '../../tensor';
import { alongDim } from './softmax';

/** log(softmax(x)) along `dim`, computed without the detour. @throws ArgumentError for a dim out of range. */
export function logSoftmax(x: Tensor, dim: number): Tensor {
  return alongDim('logSoftmax', 'logSoftmaxBackward', x, dim);
}
