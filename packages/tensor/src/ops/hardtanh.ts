import { op } from '../autograd';
import { requireTensor } from '../kernel';
import type { Tensor } from '../tensor';
import { requireOrder } from './clamp';
import { applyUnary, gradientFromInput } from './elementwise';
import { qclamp } from './quantized/qclamp';

/**
 * min(max(x, minVal), maxVal) as `clamp`, but the gradient passes only where minVal < x < maxVal, as PyTorch has it.
 * @throws ArgumentError if minVal > maxVal
 */
export function hardtanh(x: Tensor, minVal = -1, maxVal = 1): Tensor {
  requireTensor('hardtanh', x);
  requireOrder('hardtanh', minVal, maxVal);
  if (x.qparams) return qclamp('hardtanh', x, minVal, maxVal);
  return op('hardtanh', { x }, (save) => {
    const saved = save(x);
    // The kernel includes its bounds: step inside them.
    const inside = { min: neighbour(x, minVal, 1), max: neighbour(x, maxVal, -1) };
    return [
      applyUnary('clamp', x, { min: minVal, max: maxVal }, 'hardtanh'),
      (grad) => [gradientFromInput('clampBackward', saved, grad, inside)],
    ];
  });
}

/** The next number of x's dtype above (direction 1) or below (-1) `value`. */
function neighbour(x: Tensor, value: number, direction: 1 | -1): number {
  const float = x.dtype === 'float64' ? Float64Array.of(value) : Float32Array.of(value);
  if (value === 0) return direction * 2 ** (x.dtype === 'float64' ? -1074 : -149);
  const bits = new (x.dtype === 'float64' ? BigInt64Array : Int32Array)(float.buffer);
  const up = value > 0 === direction > 0;
  if (bits instanceof Int32Array) bits[0] += up ? 1 : -1;
  else bits[0] += up ? 1n : -1n;
  return float[0];
}
