import { op } from '../../autograd';
import { requireTensor } from '../../kernel';
import type { Tensor } from '../../tensor';
import { quantizedClamp } from '../quantized/functions';
import { requireOrder } from './clamp';
import { applyUnary, gradientInside } from './elementwise';

/**
 * min(max(x, minVal), maxVal) as `clamp`, but the gradient passes only where minVal < x < maxVal, as PyTorch has it.
 * @throws ArgumentError if minVal > maxVal
 */
export function hardtanh(x: Tensor, minVal = -1, maxVal = 1): Tensor {
  requireTensor('hardtanh', x);
  requireOrder('hardtanh', minVal, maxVal);
  if (x.qparams) return quantizedClamp('hardtanh', x, minVal, maxVal);
  return op('hardtanh', { x }, (save) => {
    const saved = save(x);
    return [
      applyUnary('clamp', x, { min: minVal, max: maxVal }, 'hardtanh'),
      (grad) => [gradientInside(saved, grad, [minVal, maxVal])],
    ];
  });
}
