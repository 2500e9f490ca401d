import { clampRow } from '@octet/backend';
import { requireTensor } from '../../kernel';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { quantizedClamp } from '../quantized/functions';
import { requireOrder } from './bounds';
import { clone } from './clone';
import { elementwise } from './elementwise';
import { maximum, minimum } from './maximum';
import { isInteger } from './operands';

/**
 * min(max(x, min), max), of int32 too; the gradient passes where min <= x <= max. On a quantized tensor it clamps the integers between
 * the quantized bounds.
 * @throws ArgumentError if min > max
 */
export function clamp(x: Tensor, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): Tensor {
  requireTensor('clamp', x);
  requireOrder('clamp', min, max);
  if (isInteger(x)) return clampedInteger(x, min, max);
  return x.qparams ? quantizedClamp('clamp', x, min, max) : elementwise('clamp', clampRow, x, { min, max });
}

/** min(max(x, min), max) of int32, float32 with a bound that is no whole number; without bounds a copy. */
function clampedInteger(x: Tensor, min: number, max: number): Tensor {
  return tidy(() => {
    const above = min === Number.NEGATIVE_INFINITY ? x : maximum(x, min);
    const both = max === Number.POSITIVE_INFINITY ? above : minimum(above, max);
    return both === x ? clone(x) : both;
  });
}

/** max(x, min); the gradient passes where x >= min. */
export function clampMin(x: Tensor, min: number): Tensor {
  return clamp(x, min);
}

/** min(x, max); the gradient passes where x <= max. */
export function clampMax(x: Tensor, max: number): Tensor {
  return clamp(x, undefined, max);
}
