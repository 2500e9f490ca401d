import { ArgumentError, requireNumbers } from '@octet/backend';
import { op } from '../../autograd';
import { copy_, fill_ } from '../../in-place';
import { emptyOn, requireTensor, view } from '../../kernel';
import { normalizeDim, replaced } from '../../layout';
import { takeChannels } from '../../qparams';
import type { Tensor } from '../../tensor';

/**
 * A view of the elements start, start + step, … below end of one dim. Negative positions count from the end, those
 * outside are clipped, as in Python.
 * @throws ArgumentError for a dim out of range or a step < 1.
 */
export function slice(x: Tensor, dim: number, start?: number, end?: number, step = 1): Tensor {
  requireTensor('slice', x);
  const d = normalizeDim('slice', dim, x.shape.length);
  if (!Number.isInteger(step) || step < 1) {
    throw new ArgumentError({
      op: 'slice',
      expected: 'a whole step >= 1',
      found: String(step),
      fix: 'Views can not run backwards.',
    });
  }
  const size = x.shape[d];
  const from = position('start', start ?? 0, size);
  const to = Math.max(from, position('end', end ?? size, size));
  const count = Math.ceil((to - from) / step);
  if (count === size) return x;
  const shape = replaced(x.shape, d, count);
  const layout = {
    shape,
    strides: replaced(x.strides, d, x.strides[d] * step),
    offset: x.offset + from * x.strides[d],
  };
  const q = x.qparams;
  const channels = q?.scheme === 'perChannel' && q.axis === d;
  const y = view(
    x,
    layout,
    channels
      ? takeChannels(q, shape[d] === 0 ? [] : Array.from({ length: count }, (_, i) => from + i * step))
      : q,
  );
  const { shape: shapeX } = x;
  return op('slice', { x }, () => [
    y,
    (grad) => [scattered(grad, shapeX, (whole) => slice(whole, d, from, to, step))],
  ]);
}

/** Zeros of `shape` with `grad` in the part that `part` shows. */
export function scattered(grad: Tensor, shape: readonly number[], part: (whole: Tensor) => Tensor): Tensor {
  const whole = fill_(emptyOn(grad, shape), 0);
  copy_(part(whole), grad);
  return whole;
}

function position(name: string, at: number, size: number): number {
  requireNumbers('slice', { [name]: at });
  if (!Number.isInteger(at) && Number.isFinite(at)) {
    throw new ArgumentError({
      op: 'slice',
      expected: `${name} to be a whole number`,
      found: String(at),
      fix: 'Round it.',
    });
  }
  return Math.min(Math.max(at < 0 ? at + size : at, 0), size);
}
