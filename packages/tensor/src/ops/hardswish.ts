import type { Tensor } from '../tensor';
import { unaryFromInput } from './elementwise';

/** x · relu6(x + 3) / 6 */
export function hardswish(x: Tensor): Tensor {
  return unaryFromInput('hardswish', 'hardswishBackward', x, {});
}
