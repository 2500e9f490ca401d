import { ArgumentError, checkOptions, requireNumbers, ShapeError } from '@octet/backend';
import { requireFloat } from '../../kernel';
import { formatShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { add } from '../elementwise/add';
import { affine } from '../elementwise/affine';
import { mul } from '../elementwise/mul';
import { pow } from '../elementwise/pow';
import { square } from '../elementwise/square';
import { pad } from '../shape/pad';
import { slice } from '../shape/slice';

export interface LocalResponseNormOptions {
  alpha?: number;
  beta?: number;
  k?: number;
}

/**
 * x / (k + alpha / size · Σ x²)^beta, the sum over `size` neighbouring channels of x [N, C, …], those outside counted as 0:
 * Krizhevsky et al., 2012. Of an even size one more lies before than after.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function localResponseNorm(x: Tensor, size: number, options: LocalResponseNormOptions = {}): Tensor {
  const op = 'localResponseNorm';
  const { alpha = 1e-4, beta = 0.75, k = 1 } = checkOptions(op, options, 'alpha beta k');
  requireFloat(op, x);
  requireNumbers(op, { alpha, beta, k });
  if (!(Number.isInteger(size) && size > 0)) {
    throw new ArgumentError({
      op,
      expected: 'size to be a whole number >= 1',
      found: String(size),
      fix: 'It counts the channels of each window.',
    });
  }
  if (x.dim < 3) {
    throw new ShapeError({
      op,
      expected: 'x [N, C, …] of at least three dimensions',
      found: formatShape(x.shape),
      fix: 'Channels are dimension 1.',
    });
  }
  return tidy(() => {
    const rest = new Array<number>(2 * (x.dim - 2)).fill(0);
    const squares = pad(square(x), [...rest, Math.floor(size / 2), Math.floor((size - 1) / 2)]);
    const from = (at: number) => slice(squares, 1, at, at + x.shape[1]);
    let total = from(0);
    for (let at = 1; at < size; at++) total = add(total, from(at));
    return mul(x, pow(affine(total, alpha / size, k), -beta));
  });
}
