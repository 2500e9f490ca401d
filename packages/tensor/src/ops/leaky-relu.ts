import type { Tensor } from '../tensor';
import { unaryFromInput } from './elementwise';

/** x where x > 0, else negativeSlope · x. */
export function leakyRelu(x: Tensor, negativeSlope = 0.01): Tensor {
  return unaryFromInput('leakyRelu', 'leakyReluBackward', x, { negativeSlope });
}
