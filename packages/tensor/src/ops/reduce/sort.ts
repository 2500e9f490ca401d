import { ArgumentError, checkOptions, requireFlag } from '@octet/backend';
import { op } from '../../autograd';
import { asOperand, emptyOn, requireFloat, requireTensor, run } from '../../kernel';
import { normalizeDim } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { cast } from '../elementwise/cast';
import { isInteger } from '../elementwise/operands';
import { around } from '../indexing/axis';
import { gatherAt } from '../indexing/gather';
import { contiguous } from '../shape/contiguous';
import { slice } from '../shape/slice';

export interface SortOptions {
  /** The largest first; false. */
  descending?: boolean;
}

/**
 * Where the elements along `dim`, the last unless given, stand in order, int32: equal ones as they come, NaN above all numbers.
 * @throws ArgumentError for a dim out of range, DTypeError
 */
export function argsort(x: Tensor, dim = -1, options?: SortOptions): Tensor {
  const { descending = false } = checkOptions('argsort', options, 'descending');
  requireFlag('argsort', 'descending', descending);
  return order('argsort', x, dim, descending);
}

function order(name: string, x: Tensor, dim: number, descending: boolean): Tensor {
  requireTensor(name, x);
  if (['uint8', 'int8', 'bool'].includes(x.dtype))
    return tidy(() => order(name, cast(x, 'int32'), dim, descending));
  if (!isInteger(x)) requireFloat(name, x);
  const d = normalizeDim(name, dim, x.shape.length);
  return op(name, { x }, () => {
    const operand = around(x, d);
    const y = emptyOn(x, x.shape, { dtype: 'int32' });
    run('argsort', { x: operand }, { y: asOperand(y, operand.shape) }, { descending });
    return [y];
  });
}

/**
 * The elements along `dim`, the last unless given, in order, and where they stood (int32): equal ones as they come, NaN above all
 * numbers.
 * @throws ArgumentError for a dim out of range, DTypeError
 */
export function sort(x: Tensor, dim = -1, options?: SortOptions): [values: Tensor, indices: Tensor] {
  const { descending = false } = checkOptions('sort', options, 'descending');
  requireFlag('sort', 'descending', descending);
  const indices = order('sort', x, dim, descending);
  return [gatherAt(x, normalizeDim('sort', dim, x.shape.length), indices), indices];
}

export interface TopkOptions {
  /** Along which dim; the last. */
  dim?: number;
  /** The largest, or else the smallest; true. */
  largest?: boolean;
}

/**
 * The k largest elements (or smallest) along a dim in order, and where they stand (int32).
 * @throws ArgumentError unless k is from 0 to the size of the dim, or for a dim out of range; DTypeError
 */
export function topk(x: Tensor, k: number, options?: TopkOptions): [values: Tensor, indices: Tensor] {
  const { dim = -1, largest = true } = checkOptions('topk', options, 'dim largest');
  requireFlag('topk', 'largest', largest);
  requireTensor('topk', x);
  const d = normalizeDim('topk', dim, x.shape.length);
  if (!Number.isInteger(k) || k < 0 || k > x.shape[d]) {
    throw new ArgumentError({
      op: 'topk',
      expected: `k from 0 to ${x.shape[d]}, the size of dim ${d}`,
      found: String(k),
      fix: 'Take fewer, or another dim.',
    });
  }
  const indices = tidy(() => contiguous(slice(order('topk', x, d, largest), d, 0, k)));
  return [gatherAt(x, d, indices), indices];
}
