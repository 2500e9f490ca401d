import { ArgumentError, checkOptions, requireFlag, requireType } from '@octet/backend';
import {
  abs,
  add,
  affine,
  amax,
  clamp,
  div,
  fromData,
  mul,
  noGrad,
  pow,
  scope,
  sqrt,
  square,
  stack,
  sum,
  Tensor,
  zeros,
} from '@octet/tensor/functional';

export interface ClipGradNormOptions {
  /** Of the norm, above 0: 2, or Infinity for the largest gradient. */
  normType?: number;
  /** Throw where the norm is NaN or infinite: it is read, so backends that can't be read at once have no such check. */
  errorIfNonfinite?: boolean;
}

/**
 * Scales the gradients of all parameters by one factor, in place, so that their common norm is at most `maxNorm`: by
 * min(1, maxNorm / (norm + 1e-6)), as PyTorch. Gives the norm from before, a tensor []; 0 if there are no gradients.
 *
 * @throws ArgumentError unless maxNorm is a number >= 0 and normType > 0; with errorIfNonfinite for such a norm, before anything changes
 */
export function clipGradNorm_(
  parameters: Tensor | Iterable<Tensor>,
  maxNorm: number,
  options?: ClipGradNormOptions,
): Tensor {
  const op = 'clipGradNorm_';
  const { normType = 2, errorIfNonfinite = false } = checkOptions(op, options, 'normType errorIfNonfinite');
  requireFlag(op, 'errorIfNonfinite', errorIfNonfinite);
  requireAtLeast0(op, 'maxNorm', maxNorm);
  if (!(normType > 0)) {
    throw new ArgumentError({
      op,
      expected: 'normType > 0',
      found: String(normType),
      fix: 'Use 2, or Infinity for the largest gradient.',
    });
  }
  const grads = gradientsOf(parameters);
  if (grads.length === 0) return zeros([]);
  return noGrad(() =>
    scope(() => {
      const norm = normOf(grads, normType);
      if (errorIfNonfinite && !Number.isFinite(norm.itemSync())) {
        throw new ArgumentError({
          op,
          expected: 'gradients of a finite norm',
          found: String(norm.itemSync()),
          fix: 'Lower the learning rate, or leave this step out.',
        });
      }
      const most = fromData([maxNorm], [], { dtype: norm.storage.dtype, backend: norm.backend });
      const factor = clamp(div(most, affine(norm, 1, 1e-6)), 0, 1);
      for (const grad of grads) grad.copy_(mul(grad, factor));
      return norm;
    }),
  );
}

/**
 * Clamps every gradient to -clipValue … clipValue, in place.
 * @throws ArgumentError unless clipValue is a number >= 0
 */
export function clipGradValue_(parameters: Tensor | Iterable<Tensor>, clipValue: number): void {
  requireAtLeast0('clipGradValue_', 'clipValue', clipValue);
  const grads = gradientsOf(parameters);
  noGrad(() =>
    scope(() => {
      for (const grad of grads) grad.copy_(clamp(grad, -clipValue, clipValue));
    }),
  );
}

function gradientsOf(parameters: Tensor | Iterable<Tensor>): Tensor[] {
  const all = parameters instanceof Tensor ? [parameters] : [...parameters];
  return all.flatMap(({ grad }) => (grad ? [grad] : []));
}

/** The norm of all elements of all tensors. */
function normOf(tensors: readonly Tensor[], p: number): Tensor {
  if (p === Number.POSITIVE_INFINITY) return amax(stack(tensors.map((t) => amax(abs(t)))));
  const total = tensors
    .map((t) => sum(p === 2 ? square(t) : pow(abs(t), p)))
    .reduce((all, part) => add(all, part));
  return p === 2 ? sqrt(total) : pow(total, 1 / p);
}

function requireAtLeast0(op: string, name: string, value: number): void {
  requireType(op, name, value, 'number');
  if (value >= 0) return;
  throw new ArgumentError({ op, expected: `${name} >= 0`, found: String(value), fix: 'It is often 1.' });
}
