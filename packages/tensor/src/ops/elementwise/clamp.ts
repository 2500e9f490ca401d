import { ArgumentError, requireNumbers } from '@octet/backend';
import { requireTensor } from '../../kernel';
import type { Tensor } from '../../tensor';
import { quantizedClamp } from '../quantized/functions';
import { elementwise } from './elementwise';

/**
 * min(max(x, min), max); the gradient passes where min <= x <= max. On a quantized tensor it clamps the integers between
 * the quantized bounds.
 * @throws ArgumentError if min > max
 */
export function clamp(x: Tensor, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): Tensor {
  requireTensor('clamp', x);
  requireOrder('clamp', min, max);
  return x.qparams ? quantizedClamp('clamp', x, min, max) : elementwise('clamp', x, { min, max });
}

export function requireOrder(op: string, min: number, max: number): void {
  requireNumbers(op, { min, max });
  if (min <= max) return;
  throw new ArgumentError({
    op,
    expected: 'min <= max',
    found: `${min} and ${max}`,
    fix: 'Swap the two bounds.',
  });
}
