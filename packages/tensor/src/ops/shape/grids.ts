/** Tensors of numbers in a pattern. */
import { ArgumentError, checkOptions, requireNumbers, requireOneOf } from '@octet/backend';
import { fromData, full, type TensorOptions } from '../../factory';
import { requireRank, requireTensor } from '../../kernel';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { tensorOptions } from '../../tensor-options';
import { cast } from '../elementwise/cast';
import { eq } from '../elementwise/relations';
import { where } from '../elementwise/where';
import { requirePlain } from '../indexing/axis';
import { expand } from './expand';
import { pad } from './pad';
import { diagonal } from './rearrange';
import { reshape } from './reshape';
import { unsqueeze } from './unsqueeze';

function requireSize(op: string, name: string, value: number): void {
  if (Number.isInteger(value) && value >= 0) return;
  throw new ArgumentError({
    op,
    expected: `${name} to be a whole number`,
    found: String(value),
    fix: 'Check it.',
  });
}

/** `steps` numbers from start to end, both of them included, evenly apart. @throws ArgumentError */
export function linspace(start: number, end: number, steps: number, options?: TensorOptions): Tensor {
  checkOptions('linspace', options, tensorOptions);
  requireNumbers('linspace', { start, end });
  requireSize('linspace', 'steps', steps);
  const step = steps > 1 ? (end - start) / (steps - 1) : 0;
  // From both ends, so that the last is the end itself.
  const at = (i: number) => (i < steps / 2 ? start + i * step : end - (steps - 1 - i) * step);
  return fromData(
    Array.from({ length: steps }, (_, i) => (steps === 1 ? start : at(i))),
    [steps],
    options,
  );
}

/** The unit matrix [n, m], or [n, n]. @throws ArgumentError */
export function eye(n: number, m: number = n, options?: TensorOptions): Tensor {
  checkOptions('eye', options, tensorOptions);
  requireSize('eye', 'n', n);
  requireSize('eye', 'm', m);
  return fromData(
    Array.from({ length: n * m }, (_, i) => Number(Math.floor(i / m) === i % m)),
    [n, m],
    options,
  );
}

/** A tensor of one number, of the shape, dtype and backend of another. */
export function fullLike(t: Tensor, value: number): Tensor {
  requireTensor('fullLike', t);
  return full(t.shape, value, { dtype: t.storage.dtype, backend: t.backend });
}

/** 1 at the place of each class and 0 elsewhere, int32: classes [...] (int32) → [..., numClasses]. @throws ArgumentError */
export function oneHot(classes: Tensor, numClasses: number): Tensor {
  requireTensor('oneHot', classes);
  requireSize('oneHot', 'numClasses', numClasses);
  return tidy(() => {
    const all = fromData(
      Int32Array.from({ length: numClasses }, (_, i) => i),
      [numClasses],
      { backend: classes.backend },
    );
    return cast(eq(unsqueeze(classes, -1), all), 'int32');
  });
}

/**
 * Lists [n], [m], … each spread over a grid [n, m, …]; with indexing 'xy' the first two change places.
 * @throws ShapeError, ArgumentError
 */
export function meshgrid(lists: readonly Tensor[], options?: { indexing?: 'ij' | 'xy' }): Tensor[] {
  const { indexing = 'ij' } = checkOptions('meshgrid', options, 'indexing');
  requireOneOf('meshgrid', 'indexing', indexing, ['ij', 'xy']);
  requireTensor('meshgrid', ...lists);
  for (const t of lists) requireRank('meshgrid', 'each list', t, 0, 1);
  const place = (i: number) => (indexing === 'xy' && i < 2 && lists.length > 1 ? 1 - i : i);
  const shape = lists.map((_, d) => lists[place(d)].numel);
  return lists.map((t, i) => {
    const own = shape.map((n, d) => (d === place(i) ? n : 1));
    return expand(reshape(t, own), shape);
  });
}

/** A matrix with a list on a diagonal, or the diagonal of a matrix as a list. @throws ShapeError, ArgumentError */
export function diag(x: Tensor, offset = 0): Tensor {
  requireTensor('diag', x);
  requirePlain('diag', x);
  requireRank('diag', 'x', x, 1, 2);
  if (x.shape.length === 2) return diagonal(x, offset);
  const n = x.numel + Math.abs(offset);
  return tidy(() => {
    const on = fromData(
      Array.from({ length: n * n }, (_, i) => Number((i % n) - Math.floor(i / n) === offset)),
      [n, n],
      { dtype: 'bool', backend: x.backend },
    );
    const column = pad(x, offset > 0 ? [offset, 0] : [0, -offset]);
    return where(on, column, 0);
  });
}
