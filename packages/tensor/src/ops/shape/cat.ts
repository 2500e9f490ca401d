import { ArgumentError, DTypeError, ShapeError } from '@octet/backend';
import { op } from '../../autograd';
import { copy_ } from '../../in-place';
import { emptyOn, requireTensor } from '../../kernel';
import { formatShape, isDense, memoryOrder, normalizeDim, replaced, stridesInOrder } from '../../layout';
import { sameQParams } from '../../qparams';
import type { Tensor } from '../../tensor';
import { slice } from './slice';

/**
 * The tensors one after the other along `dim`; all other sizes, the dtype, and for quantized tensors scale and zero point,
 * are the same.
 * @throws ShapeError, DTypeError, ArgumentError
 */
export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  const first = firstOf('cat', tensors);
  return joined('cat', tensors, normalizeDim('cat', dim, first.shape.length));
}

/** The first of a list of tensors. @throws ArgumentError, BackendError unless it is one */
export function firstOf(op: string, tensors: readonly Tensor[]): Tensor {
  if (!Array.isArray(tensors) || tensors.length === 0) {
    throw new ArgumentError({
      op,
      expected: 'at least one tensor',
      found: Array.isArray(tensors) ? 'none' : typeof tensors,
      fix: 'Check the list.',
    });
  }
  requireTensor(op, ...tensors);
  return tensors[0];
}

/** `cat` as a part of the op `name`. */
export function joined(name: string, tensors: readonly Tensor[], d: number): Tensor {
  const [first] = tensors;
  for (const t of tensors) checkLike(name, t, first, d);
  const shape = replaced(
    first.shape,
    d,
    tensors.reduce((n, t) => n + t.shape[d], 0),
  );
  const order = isDense(first.shape, first.strides)
    ? memoryOrder(first.shape, first.strides)
    : shape.map((_, i) => i);
  return op(name, tensors, (_, needs) => {
    const y = emptyOn(first, shape, { strides: stridesInOrder(shape, order), qparams: first.qparams });
    const ends: number[] = [];
    let at = 0;
    for (const t of tensors) {
      copy_(slice(y, d, at, at + t.shape[d]), t);
      at += t.shape[d];
      ends.push(at);
    }
    return [
      y,
      (grad) => ends.map((end, i) => (needs[i] ? slice(grad, d, i === 0 ? 0 : ends[i - 1], end) : undefined)),
    ];
  });
}

function checkLike(op: string, t: Tensor, first: Tensor, dim: number): void {
  if (t.shape.length !== first.shape.length || t.shape.some((n, i) => i !== dim && n !== first.shape[i])) {
    throw new ShapeError({
      op,
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
      op,
      expected: t.dtype !== first.dtype ? first.dtype : 'one scale and zero point throughout',
      found: t.dtype !== first.dtype ? t.dtype : 'others',
      fix: t.qparams
        ? 'Use FloatFunctional (QFunctional after conversion), which requantizes.'
        : `Convert it with to('${first.dtype}').`,
    });
  }
}
