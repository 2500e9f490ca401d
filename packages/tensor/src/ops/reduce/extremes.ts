/** Reductions made of others. */
import { ArgumentError, checkOptions, requireFlag, requireType } from '@octet/backend';
import { op } from '../../autograd';
import { requireFloat, requireTensor } from '../../kernel';
import { normalizeDims } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { abs } from '../elementwise/abs';
import { add } from '../elementwise/add';
import { cast } from '../elementwise/cast';
import { div } from '../elementwise/div';
import { exp } from '../elementwise/exp';
import { log } from '../elementwise/log';
import { mul } from '../elementwise/mul';
import { neg } from '../elementwise/neg';
import { pow } from '../elementwise/pow';
import { eq, isfinite, logicalNot, ne } from '../elementwise/relations';
import { sqrt } from '../elementwise/sqrt';
import { square } from '../elementwise/square';
import { sub } from '../elementwise/sub';
import { where } from '../elementwise/where';
import { reshape } from '../shape/reshape';
import { amax } from './amax';
import { argmax } from './argmax';
import { ofIntegers, oneOfIntegers } from './integers';
import { applySum, spread, sum, withOnes } from './sum';
import { type VarianceOptions, variance } from './variance';

type Dims = number | readonly number[];

/**
 * The minimum over `dims` (all, if absent); the gradient is shared evenly among equal minima. An 8-bit tensor keeps its scale and zero
 * point.
 * @throws ShapeError if there is nothing to take the minimum of, ArgumentError for a dim out of range.
 */
export function amin(x: Tensor, dims?: Dims, keepDim = false): Tensor {
  requireFlag('amin', 'keepDim', keepDim);
  requireTensor('amin', x);
  if (x.qparams) return oneOfIntegers('amin', x, (steps) => amin(steps, dims, keepDim));
  requireFloat('amin', x);
  return tidy(() => neg(amax(neg(x), dims, keepDim)));
}

/**
 * Where the minimum along `dim` stands, the first of equals, as int32; without `dim`, in the flattened tensor.
 * @throws ShapeError if there is nothing to take the minimum of, ArgumentError for a dim out of range.
 */
export function argmin(x: Tensor, dim?: number, keepDim = false): Tensor {
  requireFlag('argmin', 'keepDim', keepDim);
  requireTensor('argmin', x);
  if (x.qparams) return ofIntegers('argmin', x, (steps) => argmin(steps, dim, keepDim));
  requireFloat('argmin', x);
  return tidy(() => argmax(neg(x), dim, keepDim));
}

/** Whether any element over `dims` (all, if absent) is other than 0, as bool; false of nothing. @throws ArgumentError for a dim out of range */
export function any(x: Tensor, dims?: Dims, keepDim = false): Tensor {
  requireFlag('any', 'keepDim', keepDim);
  requireTensor('any', x);
  normalizeDims('any', dims, x.shape.length);
  return tidy(() => ne(sum(cast(ne(x, 0), 'float32'), dims, keepDim), 0));
}

/** Whether all elements over `dims` (all, if absent) are other than 0, as bool; true of nothing. @throws ArgumentError for a dim out of range */
export function all(x: Tensor, dims?: Dims, keepDim = false): Tensor {
  requireFlag('all', 'keepDim', keepDim);
  requireTensor('all', x);
  normalizeDims('all', dims, x.shape.length);
  return tidy(() => logicalNot(any(eq(x, 0), dims, keepDim)));
}

/** The square root of the variance over `dims` (all, if absent). @throws ArgumentError for a dim out of range. */
export function std(x: Tensor, dims?: Dims, options?: VarianceOptions): Tensor {
  const given = checkOptions('std', options, 'correction keepDim');
  requireFloat('std', x);
  return tidy(() => sqrt(variance(x, dims, given)));
}

/** ln Σ e^x over `dims`, stable for large x. @throws ArgumentError for a dim out of range, ShapeError of nothing. */
export function logsumexp(x: Tensor, dims: Dims, keepDim = false): Tensor {
  requireFlag('logsumexp', 'keepDim', keepDim);
  requireFloat('logsumexp', x);
  const over = normalizeDims('logsumexp', dims, x.shape.length);
  return tidy(() => {
    const top = amax(x.detach(), over, true);
    const shift = where(isfinite(top), top, 0);
    const y = add(log(sum(exp(sub(x, shift)), over, true)), shift);
    return keepDim
      ? y
      : reshape(
          y,
          x.shape.filter((_, d) => !over.includes(d)),
        );
  });
}

export interface NormOptions {
  /** Which dims; all. */
  dims?: Dims | undefined;
  keepDim?: boolean;
}

/**
 * (Σ |x|^p)^(1/p), the Euclidean norm unless given another p: infinity is the largest |x|, -infinity the smallest, 0 the count of
 * those other than 0. The gradient of the Euclidean one at 0 is 0.
 * @throws ArgumentError for a dim out of range, ShapeError for an extreme of nothing.
 */
export function norm(x: Tensor, p = 2, options?: NormOptions): Tensor {
  const { dims, keepDim = false } = checkOptions('norm', options, 'dims keepDim');
  requireFlag('norm', 'keepDim', keepDim);
  requireType('norm', 'p', p, 'number');
  requireFloat('norm', x);
  if (Number.isNaN(p)) {
    throw new ArgumentError({
      op: 'norm',
      expected: 'p to be a number',
      found: 'NaN',
      fix: 'Leave it out for 2.',
    });
  }
  const over = normalizeDims('norm', dims, x.shape.length);
  if (p === 2) return euclidean(x, over, keepDim);
  return tidy(() => {
    if (p === 0) return sum(cast(ne(x, 0), x.dtype), over, keepDim);
    const size = abs(x);
    if (p === Number.POSITIVE_INFINITY) return amax(size, over, keepDim);
    if (p === Number.NEGATIVE_INFINITY) return amin(size, over, keepDim);
    if (p === 1) return sum(size, over, keepDim);
    return pow(sum(pow(size, p), over, keepDim), 1 / p);
  });
}

function euclidean(x: Tensor, over: readonly number[], keepDim: boolean): Tensor {
  return op('norm', { x }, (save) => {
    const y = sqrt(applySum(square(x), over, keepDim));
    const [savedX, savedY] = [save(x), save(y)];
    return [
      y,
      (grad) => {
        const { shape } = savedX;
        const length = reshape(savedY, withOnes(shape, over));
        const share = where(eq(length, 0), 0, div(reshape(grad, withOnes(shape, over)), length));
        return [mul(savedX, spread(share, shape, over))];
      },
    ];
  });
}
