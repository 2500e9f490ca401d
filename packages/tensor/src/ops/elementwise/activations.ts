/**
 * Activations of one tensor whose gradient is a kernel too: what each computes is its row in @octet/backend
 * (elementwise/functions.ts). A function here is its name, arguments and what it makes of a quantized tensor.
 */
import {
  ArgumentError,
  celuRow,
  checkOptions,
  eluRow,
  geluRow,
  geluTanhRow,
  hardshrinkRow,
  hardsigmoidRow,
  hardswishRow,
  leakyReluRow,
  logSigmoidRow,
  mishRow,
  relu6Row,
  requireOneOf,
  seluRow,
  sigmoidRow,
  siluRow,
  softplusRow,
  softshrinkRow,
  softsignRow,
  tanhRow,
  tanhshrinkRow,
} from '@octet/backend';
import { requireTensor } from '../../kernel';
import type { Tensor } from '../../tensor';
import { quantizedClamp, quantizedFixedRange } from '../quantized/functions';
import { elementwise } from './elementwise';

/** min(max(x, 0), 6); the gradient at both ends is 0. On a quantized tensor it clamps the integers. */
export function relu6(x: Tensor): Tensor {
  requireTensor('relu6', x);
  return x.qparams ? quantizedClamp('relu6', x, 0, 6) : elementwise('relu6', relu6Row, x, {});
}

/** x · relu6(x + 3) / 6 */
export function hardswish(x: Tensor): Tensor {
  return elementwise('hardswish', hardswishRow, x, {});
}

/** relu6(x + 3) / 6. A quantized tensor gets scale 1/256 and the lowest integer as zero point. */
export function hardsigmoid(x: Tensor): Tensor {
  requireTensor('hardsigmoid', x);
  return x.qparams
    ? quantizedFixedRange('hardsigmoid', x)
    : elementwise('hardsigmoid', hardsigmoidRow, x, {});
}

export interface GeluOptions {
  /** 'tanh' for the approximation by the hyperbolic tangent, which GPT-2 and its like were trained with. */
  approximate?: 'none' | 'tanh' | undefined;
}

/**
 * x · Φ(x), Φ the normal distribution by the error function; with `{ approximate: 'tanh' }` its approximation `geluTanh`.
 * @throws ArgumentError for another approximation
 */
export function gelu(x: Tensor, options?: GeluOptions): Tensor {
  const { approximate = 'none' } = checkOptions('gelu', options ?? {}, 'approximate');
  requireOneOf('gelu', 'approximate', approximate, ['none', 'tanh']);
  return approximate === 'tanh' ? geluTanh(x) : elementwise('gelu', geluRow, x, {});
}

/** x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) / 2 */
export function geluTanh(x: Tensor): Tensor {
  return elementwise('geluTanh', geluTanhRow, x, {});
}

/** x where x > 0, else negativeSlope · x. */
export function leakyRelu(x: Tensor, negativeSlope = 0.01): Tensor {
  return elementwise('leakyRelu', leakyReluRow, x, { negativeSlope });
}

/** 1 / (1 + e^-x). A quantized tensor gets scale 1/256 and the lowest integer as zero point. */
export function sigmoid(x: Tensor): Tensor {
  requireTensor('sigmoid', x);
  return x.qparams ? quantizedFixedRange('sigmoid', x) : elementwise('sigmoid', sigmoidRow, x, {});
}

/** The hyperbolic tangent. A quantized tensor gets scale 1/128 and the middle integer as zero point. */
export function tanh(x: Tensor): Tensor {
  requireTensor('tanh', x);
  return x.qparams ? quantizedFixedRange('tanh', x) : elementwise('tanh', tanhRow, x, {});
}

/** x · sigmoid(x), also called swish. */
export function silu(x: Tensor): Tensor {
  return elementwise('silu', siluRow, x, {});
}

/** x where x > 0, else alpha · (eˣ - 1). */
export function elu(x: Tensor, alpha = 1): Tensor {
  return elementwise('elu', eluRow, x, { alpha });
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
  return elementwise('softplus', softplusRow, x, { beta, threshold });
}

/** x · tanh(ln(1 + eˣ)) */
export function mish(x: Tensor): Tensor {
  return elementwise('mish', mishRow, x, {});
}

/**
 * x where x > 0, else alpha · (e^(x / alpha) - 1).
 * @throws ArgumentError if alpha is 0
 */
export function celu(x: Tensor, alpha = 1): Tensor {
  if (alpha === 0) {
    throw new ArgumentError({
      op: 'celu',
      expected: 'alpha other than 0',
      found: '0',
      fix: 'x is divided by alpha: relu(x) is what a small one comes to.',
    });
  }
  return elementwise('celu', celuRow, x, { alpha });
}

/** 1.0507 · (x where x > 0, else 1.6733 · (eˣ - 1)) */
export function selu(x: Tensor): Tensor {
  return elementwise('selu', seluRow, x, {});
}

/** x / (1 + |x|) */
export function softsign(x: Tensor): Tensor {
  return elementwise('softsign', softsignRow, x, {});
}

/** ln(1 / (1 + e⁻ˣ)) */
export function logSigmoid(x: Tensor): Tensor {
  return elementwise('logSigmoid', logSigmoidRow, x, {});
}

/**
 * x where |x| > lambd, else 0.
 * @throws ArgumentError if lambd is negative
 */
export function hardshrink(x: Tensor, lambd = 0.5): Tensor {
  requirePositive('hardshrink', lambd);
  return elementwise('hardshrink', hardshrinkRow, x, { lambd });
}

/**
 * x - lambd where x > lambd, x + lambd where x < -lambd, else 0.
 * @throws ArgumentError if lambd is negative
 */
export function softshrink(x: Tensor, lambd = 0.5): Tensor {
  requirePositive('softshrink', lambd);
  return elementwise('softshrink', softshrinkRow, x, { lambd });
}

/** x - tanh(x) */
export function tanhshrink(x: Tensor): Tensor {
  return elementwise('tanhshrink', tanhshrinkRow, x, {});
}

function requirePositive(op: string, lambd: number): void {
  if (!(lambd < 0)) return;
  throw new ArgumentError({
    op,
    expected: 'lambd >= 0',
    found: `${lambd}`,
    fix: 'It is the half-width of the interval around 0 that becomes 0.',
  });
}
