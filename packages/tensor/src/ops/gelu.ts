import { checkOptions } from '@octet/backend';
import type { Tensor } from '../tensor';
import { unaryFromInput } from './elementwise';

/** x · Φ(x), Φ the normal distribution by the error function (not the tanh approximation). */
export function gelu(x: Tensor, options?: Record<string, never>): Tensor {
  checkOptions('gelu', options);
  return unaryFromInput('gelu', 'geluBackward', x, {});
}
