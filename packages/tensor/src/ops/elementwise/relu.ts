import { op } from '../../autograd';
import { requireTensor } from '../../kernel';
import type { Tensor } from '../../tensor';
import { quantizedClamp } from '../quantized/functions';
import { applyUnary, gradientFromInput } from './elementwise';

/** max(x, 0), any shape; the gradient at 0 is 0. On a quantized tensor it clamps the integers at the zero point. */
export function relu(x: Tensor): Tensor {
  requireTensor('relu', x);
  if (x.qparams) return quantizedClamp('relu', x, 0, Number.POSITIVE_INFINITY);
  return op('relu', { x }, (save) => {
    const y = applyUnary('relu', x, {});
    // Positive where x is: x itself is free to change.
    const saved = save(y);
    return [y, (grad) => [gradientFromInput('reluBackward', saved, grad, {})]];
  });
}
