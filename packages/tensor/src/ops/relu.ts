import type { Tensor } from '../tensor';
import { unaryFromInput } from './elementwise';
import { qclamp } from './quantized/qclamp';

/** max(x, 0), any shape; the gradient at 0 is 0. On a quantized tensor it clamps the integers at the zero point. */
export function relu(x: Tensor): Tensor {
  return x.qparams
    ? qclamp('relu', x, 0, Number.POSITIVE_INFINITY)
    : unaryFromInput('relu', 'reluBackward', x, {});
}
