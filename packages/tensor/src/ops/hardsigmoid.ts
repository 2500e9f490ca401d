import type { Tensor } from '../tensor';
import { unaryFromInput } from './elementwise';

/** relu6(x + 3) / 6 */
export function hardsigmoid(x: Tensor): Tensor {
  return unaryFromInput('hardsigmoid', 'hardsigmoidBackward', x, {});
}
