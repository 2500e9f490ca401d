import type { Tensor } from '../tensor';
import { unaryFromInput } from './elementwise';

/** x · Φ(x), Φ the normal distribution by the error function (not the tanh approximation). */
export function gelu(x: Tensor): Tensor {
  return unaryFromInput('gelu', 'geluBackward', x, {});
}
