import { ArgumentError, DTypeError, ShapeError } from '@octet/backend';
import { record } from '../autograd';
import { emptyOn } from '../kernel';
import { formatShape, isDense, memoryOrder, normalizeDim, replaced, stridesInOrder } from '../layout';
import { sameQParams } from '../qparams';
import type { Tensor } from '../tensor';
import { slice } from './slice';

/**
 * The tensors one after the other along `dim`; all other sizes, the dtype, and for quantized tensors scale and zero point,
 * are the same.
 * @throws ShapeError, DTypeError, ArgumentError
 */
export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  const [first] = tensors;
  if (!first) {
    throw new ArgumentError({
      op: 'cat',
      expected: 'at least one tensor',
      found: 'none',
      fix: 'Check the list.',
    });
  }
  const d = normalizeDim('cat', dim, first.shape.length);
  for (const t of tensors) checkLike(t, first, d);
  const shape = replaced(
    first.shape,
    d,
    tensors.reduce((n, t) => n + t.shape[d], 0),
  );
  const order = isDense(first.shape, first.strides)
    ? memoryOrder(first.shape, first.strides)
    : shape.map((_, i) => i);
  const y = emptyOn(first, shape, { strides: stridesInOrder(shape, order), qparams: first.qparams });
  const ends: number[] = [];
  let at = 0;
  for (const t of tensors) {
    slice(y, d, at, at + t.shape[d]).copy_(t.detach());
    at += t.shape[d];
    ends.push(at);
  }
  return record('cat', y, tensors, (grad, needs) =>
    ends.map((end, i) => (needs[i] ? slice(grad, d, i === 0 ? 0 : ends[i - 1], end) : undefined)),
  );
}

function checkLike(t: Tensor, first: Tensor, dim: number): void {
  if (t.shape.length !== first.shape.length || t.shape.some((n, i) => i !== dim && n !== first.shape[i])) {
    throw new ShapeError({
      op: 'cat',
      expected: `tensors like ${formatShape(first.shape)} but for dim ${dim}`,
      found: formatShape(t.shape),
      fix: 'All sizes but the one that is joined must agree; to make a new dim use stack.',
    });
  }
  if (
    t.dtype !== first.dtype ||
    !sameQParams(t.qparams, first.qparams) ||
    (t.qparams?.scheme === 'perChannel' && t.qparams.axis === dim)
  ) {
    throw new DTypeError({
      op: 'cat',
      expected: t.dtype !== first.dtype ? first.dtype : 'one scale and zero point throughout',
      found: t.dtype !== first.dtype ? t.dtype : 'others',
      fix: t.qparams
        ? 'Use FloatFunctional (QFunctional after conversion), which requantizes.'
        : `Convert it with to('${first.dtype}').`,
    });
  }
}
