/**
 * Functions of one tensor whose gradients are made of other functions. What each computes is its row in @octet/backend
 * (elementwise/functions.ts).
 */
import type { UnaryName } from '@octet/backend';
import { op } from '../../autograd';
import { requireFloat } from '../../kernel';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { affine } from './affine';
import { clone } from './clone';
import { div } from './div';
import { applyUnary } from './elementwise';
import { exp } from './exp';
import { log } from './log';
import { maximum, minimum } from './maximum';
import { mul } from './mul';
import { neg } from './neg';
import { isInteger } from './operands';
import { sqrt } from './sqrt';
import { square } from './square';

/** y = f(x) by the kernel of that name, gradX = slope(gradY, x). */
function derived(name: UnaryName, x: Tensor, slope: (grad: Tensor, x: Tensor) => Tensor): Tensor {
  return op(name, { x }, (save) => {
    const saved = save(x);
    return [applyUnary(name as 'exp', x, {}), (grad) => [slope(grad, saved)]];
  });
}

/** y = f(x), flat nearly everywhere. */
function stepped(name: 'floor' | 'ceil' | 'trunc' | 'round', x: Tensor): Tensor {
  if (isInteger(x)) return clone(x);
  return op(name, { x }, () => [applyUnary(name, x, {}), (grad) => [affine(grad, 0, 0)]]);
}

/** A function made of others; the error for a tensor that is no float names it. */
function composed(name: string, x: Tensor, make: () => Tensor): Tensor {
  requireFloat(name, x);
  return tidy(make);
}

/** 1 - x² or 1 + x² */
const around = (x: Tensor, sign: 1 | -1) => affine(square(x), sign, 1);

/** The next whole number at or below x; of int32 x itself. The gradient is 0. */
export function floor(x: Tensor): Tensor {
  return stepped('floor', x);
}

/** The next whole number at or above x; of int32 x itself. The gradient is 0. */
export function ceil(x: Tensor): Tensor {
  return stepped('ceil', x);
}

/** x without its fraction; of int32 x itself. The gradient is 0. */
export function trunc(x: Tensor): Tensor {
  return stepped('trunc', x);
}

/** The nearest whole number, of two the even one; of int32 x itself. The gradient is 0. */
export function round(x: Tensor): Tensor {
  return stepped('round', x);
}

/** -1, 0 or 1, of int32 too; NaN stays. The gradient is 0. */
export function sign(x: Tensor): Tensor {
  if (isInteger(x)) return tidy(() => maximum(minimum(x, 1), -1));
  return op('sign', { x }, () => [applyUnary('sign', x, {}), (grad) => [affine(grad, 0, 0)]]);
}

export function sin(x: Tensor): Tensor {
  return derived('sin', x, (grad, s) => mul(grad, cos(s)));
}

export function cos(x: Tensor): Tensor {
  return derived('cos', x, (grad, s) => neg(mul(grad, sin(s))));
}

export function tan(x: Tensor): Tensor {
  return derived('tan', x, (grad, s) => div(grad, square(cos(s))));
}

/** The arc sine, from -π/2 to π/2; NaN outside of -1 to 1. */
export function asin(x: Tensor): Tensor {
  return derived('asin', x, (grad, s) => div(grad, sqrt(around(s, -1))));
}

/** The arc cosine, from 0 to π; NaN outside of -1 to 1. */
export function acos(x: Tensor): Tensor {
  return derived('acos', x, (grad, s) => neg(div(grad, sqrt(around(s, -1)))));
}

/** The arc tangent, from -π/2 to π/2. */
export function atan(x: Tensor): Tensor {
  return derived('atan', x, (grad, s) => div(grad, around(s, 1)));
}

export function sinh(x: Tensor): Tensor {
  return derived('sinh', x, (grad, s) => mul(grad, cosh(s)));
}

export function cosh(x: Tensor): Tensor {
  return derived('cosh', x, (grad, s) => mul(grad, sinh(s)));
}

export function asinh(x: Tensor): Tensor {
  return derived('asinh', x, (grad, s) => div(grad, sqrt(around(s, 1))));
}

/** NaN below 1. */
export function acosh(x: Tensor): Tensor {
  return derived('acosh', x, (grad, s) => div(grad, sqrt(affine(square(s), 1, -1))));
}

/** Infinite at -1 and 1, NaN beyond. */
export function atanh(x: Tensor): Tensor {
  return derived('atanh', x, (grad, s) => div(grad, around(s, -1)));
}

/** The error function, 2/√π ∫₀ˣ e^(-t²) dt. */
export function erf(x: Tensor): Tensor {
  return derived('erf', x, (grad, s) => mul(grad, affine(exp(neg(square(s))), 2 / Math.sqrt(Math.PI), 0)));
}

/** ln(1 + x), without the rounding of the sum. */
export function log1p(x: Tensor): Tensor {
  return derived('log1p', x, (grad, s) => div(grad, affine(s, 1, 1)));
}

/** e^x - 1, without the rounding of the difference. */
export function expm1(x: Tensor): Tensor {
  return derived('expm1', x, (grad, s) => mul(grad, exp(s)));
}

/** The logarithm to base 2. */
export function log2(x: Tensor): Tensor {
  return composed('log2', x, () => affine(log(x), Math.LOG2E, 0));
}

/** The logarithm to base 10. */
export function log10(x: Tensor): Tensor {
  return composed('log10', x, () => affine(log(x), Math.LOG10E, 0));
}

/** 2 to the power of x. */
export function exp2(x: Tensor): Tensor {
  return composed('exp2', x, () => exp(affine(x, Math.LN2, 0)));
}

/** 1 / x */
export function reciprocal(x: Tensor): Tensor {
  return composed('reciprocal', x, () => div(1, x));
}

/** 1 / √x */
export function rsqrt(x: Tensor): Tensor {
  return composed('rsqrt', x, () => div(1, sqrt(x)));
}
