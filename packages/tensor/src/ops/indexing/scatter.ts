import { ArgumentError, checkOptions, requireOneOf, type ScatterReduce, ShapeError } from '@octet/backend';
import { op, willRecord } from '../../autograd';
import { full } from '../../factory';
import { copy_ } from '../../in-place';
import { contiguous, emptyOn, requireTensor } from '../../kernel';
import { formatShape, normalizeDim, sameShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { cast } from '../elementwise/cast';
import { div } from '../elementwise/div';
import { maximum } from '../elementwise/maximum';
import { mul } from '../elementwise/mul';
import { isScalar, type Scalar } from '../elementwise/operands';
import { eq } from '../elementwise/relations';
import { slice } from '../shape/slice';
import { around, gathered, requireIndexed, scattered } from './axis';

/** A copy of `x`, joined by `src` at the index, whose sizes are within those of both. Not recorded. */
export function scatterInto(
  x: Tensor,
  dim: number,
  index: Tensor,
  src: Tensor,
  reduce: ScatterReduce,
): Tensor {
  const part = cutTo(x, index.shape, dim);
  const values = index.shape.reduce((t, n, d) => slice(t, d, 0, n), src);
  const joined = scattered(around(part, dim), around(index, dim), around(values, dim), reduce);
  if (sameShape(part.shape, x.shape)) return joined;
  const y = emptyOn(x, x.shape);
  copy_(y, x.detach());
  copy_(cutTo(y, index.shape, dim), joined);
  return y;
}

function cutTo(x: Tensor, shape: readonly number[], dim: number): Tensor {
  return shape.reduce((t, n, d) => (d === dim ? t : slice(t, d, 0, n)), x);
}

/** What is gathered at an index: the gradient of what was scattered there, in zeros of its shape. */
function back(grad: Tensor, dim: number, index: Tensor, shape: readonly number[]): Tensor {
  const found = gathered(around(cutTo(grad, index.shape, dim), dim), around(index, dim), index.shape);
  if (sameShape(shape, index.shape)) return found;
  const whole = full(shape, 0, { dtype: grad.storage.dtype, backend: grad.backend });
  copy_(
    index.shape.reduce((t, n, d) => slice(t, d, 0, n), whole),
    found,
  );
  return whole;
}

function checked(name: string, x: Tensor, dim: number, index: Tensor, src: Tensor): number {
  requireTensor(name, x, index, src);
  const d = normalizeDim(name, dim, x.shape.length);
  requireIndexed(name, index, x.shape[d], x, src);
  const fits =
    index.shape.length === x.shape.length &&
    src.shape.length === x.shape.length &&
    index.shape.every((n, i) => (i === d || n <= x.shape[i]) && n <= src.shape[i]);
  if (!fits) {
    throw new ShapeError({
      op: name,
      expected: `an index within src ${formatShape(src.shape)} and, but along dim ${d}, within ${formatShape(x.shape)}`,
      found: formatShape(index.shape),
      fix: 'Expand or slice the index; indexAdd takes a list.',
    });
  }
  return d;
}

/** A number as a source in the shape of the index. */
function sourceOf(x: Tensor, index: Tensor, src: Tensor | Scalar): Tensor {
  if (!isScalar(src)) return src;
  requireTensor('scatter', x, index);
  return full(index.shape, Number(src), { dtype: x.storage.dtype, backend: x.backend });
}

/**
 * A copy of x with y [index[i][j][k]][j][k] = src [i][j][k] along dim 0, alike along others; src may be a number. Of several for one
 * place the last is there.
 * @throws ShapeError, DTypeError, ArgumentError for a dim or an index out of range
 */
export function scatter(x: Tensor, dim: number, index: Tensor, src: Tensor | Scalar): Tensor {
  return tidy(() => scatterBy('scatter', x, dim, index, sourceOf(x, index, src)));
}

function scatterBy(name: string, x: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
  const d = checked(name, x, dim, index, src);
  return op(name, { x, src }, (save, needs) => {
    const saved = save(contiguous(index));
    const y = scatterInto(x, d, saved, src, 'none');
    const { shape } = src;
    return [
      y,
      (grad) => [
        needs.x
          ? scatterInto(
              grad,
              d,
              saved,
              full(saved.shape, 0, { dtype: grad.storage.dtype, backend: grad.backend }),
              'none',
            )
          : undefined,
        needs.src ? back(grad, d, saved, shape) : undefined,
      ],
    ];
  });
}

/** Alike, added to what is there. @throws ShapeError, DTypeError, ArgumentError for a dim or an index out of range */
export function scatterAdd(x: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
  const d = checked('scatterAdd', x, dim, index, src);
  return op('scatterAdd', { x, src }, (save, needs) => {
    const saved = save(contiguous(index));
    const { shape } = src;
    return [
      scatterInto(x, d, saved, src, 'add'),
      (grad) => [grad, needs.src ? back(grad, d, saved, shape) : undefined],
    ];
  });
}

export interface ScatterReduceOptions {
  /** Whether what is in x joins; true. */
  includeSelf?: boolean;
}

/** Where each reduction begins, for those without x. */
const neutral = {
  sum: 0,
  prod: 1,
  mean: 0,
  amax: Number.NEGATIVE_INFINITY,
  amin: Number.POSITIVE_INFINITY,
} as const;
const kernelNames = { sum: 'add', prod: 'mul', mean: 'add', amax: 'max', amin: 'min' } as const;

/**
 * Alike, by the sum, product, mean, maximum or minimum of what meets. Gradients go through 'sum', 'mean', 'amax' and 'amin', of
 * the last two shared evenly among equals.
 * @throws ShapeError, DTypeError, ArgumentError for a dim or an index out of range, or to train through 'prod'
 */
export function scatterReduce(
  x: Tensor,
  dim: number,
  index: Tensor,
  src: Tensor,
  reduce: 'sum' | 'prod' | 'mean' | 'amax' | 'amin',
  options?: ScatterReduceOptions,
): Tensor {
  const { includeSelf = true } = checkOptions('scatterReduce', options, 'includeSelf');
  requireOneOf('scatterReduce', 'reduce', reduce, ['sum', 'prod', 'mean', 'amax', 'amin']);
  const d = checked('scatterReduce', x, dim, index, src);
  if (reduce === 'prod' && willRecord(x, src)) {
    throw new ArgumentError({
      op: 'scatterReduce',
      expected: "'sum', 'mean', 'amax' or 'amin' of what requires a gradient",
      found: "'prod'",
      fix: 'Use detach(), or noGrad for evaluation.',
    });
  }
  return tidy(() => {
    const start = includeSelf
      ? x
      : scatterBy('scatterReduce', x, d, index, sourceOf(x, index, neutral[reduce]));
    if (reduce === 'sum') return scatterAdd(start, d, index, src);
    if (reduce === 'mean') {
      const of = { dtype: x.storage.dtype, backend: x.backend };
      const zeros = full(x.shape, includeSelf ? 1 : 0, of);
      const counts = scatterInto(zeros, d, index, full(index.shape, 1, of), 'add');
      return div(scatterAdd(start, d, index, src), maximum(counts, 1));
    }
    return op('scatterReduce', { x: start, src }, (save, needs) => {
      const saved = save(contiguous(index));
      const y = scatterInto(start, d, saved, src, kernelNames[reduce]);
      const [keptX, keptSrc, keptY] = [save(start), save(src), save(y)];
      const { shape } = src;
      return [
        y,
        (grad) => {
          const own = cast(eq(keptX, keptY), grad.dtype);
          const theirs = cast(eq(keptSrc, back(keptY, d, saved, shape)), grad.dtype);
          const share = div(grad, maximum(scatterInto(own, d, saved, theirs, 'add'), 1));
          return [
            needs.x ? mul(share, own) : undefined,
            needs.src ? mul(back(share, d, saved, shape), theirs) : undefined,
          ];
        },
      ];
    });
  });
}

/**
 * `scatter` in place, unrecorded.
 * @throws AutogradError if x or src requires a gradient, outside of noGrad
 */
export function scatter_<T extends Tensor>(x: T, dim: number, index: Tensor, src: Tensor | Scalar): T {
  return overwritten(x, () => scatter(x, dim, index, src));
}

/** `scatterAdd` in place, alike. @throws AutogradError if x or src requires a gradient, outside of noGrad */
export function scatterAdd_<T extends Tensor>(x: T, dim: number, index: Tensor, src: Tensor): T {
  return overwritten(x, () => scatterAdd(x, dim, index, src));
}

function overwritten<T extends Tensor>(x: T, make: () => Tensor): T {
  tidy(() => {
    const y = make();
    copy_(x, y);
    return y;
  });
  return x;
}

/**
 * x with `alpha` · src, whose dim `dim` has an entry for each number of the index (a list, int32), added to the entries that these
 * name.
 * @throws ShapeError, DTypeError, ArgumentError for a dim or an index out of range
 */
export function indexAdd(
  x: Tensor,
  dim: number,
  index: Tensor,
  src: Tensor,
  options?: { alpha?: number },
): Tensor {
  const { alpha = 1 } = checkOptions('indexAdd', options, 'alpha');
  requireTensor('indexAdd', x, index, src);
  const d = normalizeDim('indexAdd', dim, x.shape.length);
  requireIndexed('indexAdd', index, x.shape[d], x, src);
  if (
    index.shape.length !== 1 ||
    !sameShape(
      src.shape,
      x.shape.map((n, i) => (i === d ? index.numel : n)),
    )
  ) {
    throw new ShapeError({
      op: 'indexAdd',
      expected: `a list, and src like ${formatShape(x.shape)} with its length along dim ${d}`,
      found: `${formatShape(index.shape)} and ${formatShape(src.shape)}`,
      fix: 'Flatten the index; scatterAdd takes one of the shape of src.',
    });
  }
  return tidy(() => {
    const scaled = alpha === 1 ? src : mul(src, alpha);
    return op('indexAdd', { x, src: scaled }, (save, needs) => {
      const rows = { tensor: save(contiguous(index)), shape: [1, index.numel, 1] };
      const { shape } = src;
      return [
        scattered(around(x, d), rows, around(scaled, d), 'add'),
        (grad) => [grad, needs.src ? gathered(around(grad, d), rows, shape) : undefined],
      ];
    });
  });
}
