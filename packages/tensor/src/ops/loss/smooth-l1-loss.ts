import { ArgumentError, checkOptions } from '@octet/backend';
import type { Tensor } from '../../tensor';
import { abs } from '../elementwise/abs';
import { affine } from '../elementwise/affine';
import { clamp } from '../elementwise/clamp';
import { mul } from '../elementwise/mul';
import { sub } from '../elementwise/sub';
import { elementwiseLoss, type LossOptions } from './mse-loss';

export interface SmoothL1LossOptions extends LossOptions {
  /** Where the parabola becomes a line; 0 leaves the line alone. */
  beta?: number;
}

export interface HuberLossOptions extends LossOptions {
  /** Where the parabola becomes a line. */
  delta?: number;
}

/**
 * d² / (2 · beta) where |d| < beta, |d| - beta / 2 elsewhere, for d = a - b; reduced; two tensors of one shape.
 * @throws ShapeError, DTypeError; ArgumentError unless beta >= 0
 */
export function smoothL1Loss(a: Tensor, b: Tensor, options: SmoothL1LossOptions = {}): Tensor {
  const { beta = 1, reduction = 'mean' } = checkOptions('smoothL1Loss', options, 'reduction beta');
  if (!(beta >= 0 && beta < Number.POSITIVE_INFINITY)) throw badBend('smoothL1Loss', 'beta >= 0', beta);
  const f = beta === 0 ? abs : (d: Tensor) => affine(bent(d, beta), 1 / beta, 0);
  return elementwiseLoss('smoothL1Loss', a, b, reduction, f);
}

/**
 * d² / 2 where |d| < delta, delta · (|d| - delta / 2) elsewhere, for d = a - b; reduced; two tensors of one shape.
 * @throws ShapeError, DTypeError; ArgumentError unless delta > 0
 */
export function huberLoss(a: Tensor, b: Tensor, options: HuberLossOptions = {}): Tensor {
  const { delta = 1, reduction = 'mean' } = checkOptions('huberLoss', options, 'reduction delta');
  if (!(delta > 0 && delta < Number.POSITIVE_INFINITY)) throw badBend('huberLoss', 'delta > 0', delta);
  return elementwiseLoss('huberLoss', a, b, reduction, (d) => bent(d, delta));
}

/** m · (d - m / 2) for m = d between -bend and bend: the parabola inside, the line outside. */
function bent(d: Tensor, bend: number): Tensor {
  const m = clamp(d, -bend, bend);
  return mul(m, sub(d, affine(m, 0.5, 0)));
}

function badBend(op: string, expected: string, found: number): ArgumentError {
  return new ArgumentError({ op, expected, found: String(found), fix: 'It is 1 by default.' });
}
