/**
 * Activations of one tensor whose gradient is a kernel too: what each computes is its row in @octet/backend
 * (elementwise/functions.ts). A function here is its name, arguments and what it makes of a quantized tensor.
 */
import { ArgumentError, checkOptions } from '@octet/backend';
import { requireTensor } from '../../kernel';
import type { Tensor } from '../../tensor';
import { quantizedClamp, quantizedFixedRange } from '../quantized/functions';
import { elementwise } from './elementwise';

/** min(max(x, 0), 6); the gradient at both ends is 0. On a quantized tensor it clamps the integers. */
export function relu6(x: Tensor): Tensor {
  requireTensor('relu6', x);
  return x.qparams ? quantizedClamp('relu6', x, 0, 6) : elementwise('relu6', x, {});
}

/** x · relu6(x + 3) / 6 */
export function hardswish(x: Tensor): Tensor {
  return elementwise('hardswish', x, {});
}

/** relu6(x + 3) / 6 */
export function hardsigmoid(x: Tensor): Tensor {
  return elementwise('hardsigmoid', x, {});
}

/** x · Φ(x), Φ the normal distribution by the error function (not the tanh approximation). */
export function gelu(x: Tensor, options?: Record<string, never>): Tensor {
  checkOptions('gelu', options);
  return elementwise('gelu', x, {});
}

/** x where x > 0, else negativeSlope · x. */
export function leakyRelu(x: Tensor, negativeSlope = 0.01): Tensor {
  return elementwise('leakyRelu', x, { negativeSlope });
}

/** 1 / (1 + e^-x). A quantized tensor gets scale 1/256 and the lowest integer as zero point. */
export function sigmoid(x: Tensor): Tensor {
  requireTensor('sigmoid', x);
  return x.qparams ? quantizedFixedRange('sigmoid', x) : elementwise('sigmoid', x, {});
}

/** The hyperbolic tangent. A quantized tensor gets scale 1/128 and the middle integer as zero point. */
export function tanh(x: Tensor): Tensor {
  requireTensor('tanh', x);
  return x.qparams ? quantizedFixedRange('tanh', x) : elementwise('tanh', x, {});
}

/** x · sigmoid(x), also called swish. */
export function silu(x: Tensor): Tensor {
  return elementwise('silu', x, {});
}

/** x where x > 0, else alpha · (eˣ - 1). */
export function elu(x: Tensor, alpha = 1): Tensor {
  return elementwise('elu', x, { alpha });
}

/**
 * ln(1 + e^(beta · x)) / beta, a smooth ReLU; x itself where beta · x > threshold.
 * @throws ArgumentError if the threshold is negative
 */
export function softplus(x: Tensor, beta = 1, threshold = 20): Tensor {
  if (threshold < 0) {
    throw new ArgumentError({
      op: 'softplus',
      expected: 'threshold >= 0',
      found: `${threshold}`,
      fix: 'From there on it is x itself, which needs beta · x to be large.',
    });
  }
  return elementwise('softplus', x, { beta, threshold });
}

/** x · tanh(ln(1 + eˣ)) */
export function mish(x: Tensor): Tensor {
  return elementwise('mish', x, {});
}
