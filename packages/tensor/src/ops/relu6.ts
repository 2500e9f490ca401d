import { requireTensor } from '../kernel';
import type { Tensor } from '../tensor';
import { unaryFromInput } from './elementwise';
import { quantizedClamp } from './quantized/functions';

/** min(max(x, 0), 6); the gradient at both ends is 0. On a quantized tensor it clamps the integers. */
export function relu6(x: Tensor): Tensor {
  requireTensor('relu6', x);
  return x.qparams ? quantizedClamp('relu6', x, 0, 6) : unaryFromInput('relu6', 'relu6Backward', x, {});
}
