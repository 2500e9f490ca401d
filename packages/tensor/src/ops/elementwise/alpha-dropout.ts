import { ArgumentError, checkOptions, ShapeError } from '@octet/backend';
import { fromData } from '../../factory';
import { requireFloat, requireTensor } from '../../kernel';
import { formatShape } from '../../layout';
import { defaultGenerator } from '../../random';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { activeWatch } from '../../watch';
import { add } from './add';
import type { DropoutOptions } from './dropout';
import { mul } from './mul';

/** The negative of what SELU tends to at -∞: its λ · α. */
const ALPHA = 1.7580993408473766;

const OPTIONS = 'training generator';

/**
 * Dropout for networks of SELU, which keeps mean 0 and variance 1: in training each element is -ALPHA with probability p, and then all are
 * a · x + b with `a = 1 / √((ALPHA² · p + 1) · (1 - p))` and `b = a · ALPHA · p`; else x itself (Klambauer and others,
 * "Self-normalizing neural networks", 2017). With p = 1 all are 0.
 * @throws ArgumentError unless p is 0 … 1
 */
export function alphaDropout(x: Tensor, p = 0.5, options: DropoutOptions = {}): Tensor {
  const given = checkOptions('alphaDropout', options, OPTIONS);
  requireTensor('alphaDropout', x);
  return dropped('alphaDropout', x, p, given, x.shape);
}

/**
 * alphaDropout of whole channels of x [N, C, …].
 * @throws ArgumentError unless p is 0 … 1, ShapeError for x of fewer than 2 dims
 */
export function featureAlphaDropout(x: Tensor, p = 0.5, options: DropoutOptions = {}): Tensor {
  const given = checkOptions('featureAlphaDropout', options, OPTIONS);
  requireTensor('featureAlphaDropout', x);
  if (x.shape.length < 2) {
    throw new ShapeError({
      op: 'featureAlphaDropout',
      expected: 'x of 2 dims or more, [N, C, …]',
      found: formatShape(x.shape),
      fix: 'Use alphaDropout, or add a dim.',
    });
  }
  const shape = x.shape.map((n, d) => (d < 2 ? n : 1));
  return dropped('featureAlphaDropout', x, p, given, shape);
}

/** `shape`: of what is drawn. */
function dropped(
  name: string,
  x: Tensor,
  p: number,
  { training = true, generator = defaultGenerator }: DropoutOptions,
  shape: readonly number[],
): Tensor {
  if (!(p >= 0 && p <= 1)) {
    throw new ArgumentError({
      op: name,
      expected: 'p from 0 to 1',
      found: String(p),
      fix: 'p is the share of what is dropped.',
    });
  }
  if (!training || p === 0) return x;
  requireFloat(name, x);
  if (p === 1) return mul(x, 0);
  activeWatch()?.random(name);
  return tidy(() => {
    const a = 1 / Math.sqrt((ALPHA * ALPHA * p + 1) * (1 - p));
    const size = shape.reduce((product, n) => product * n, 1);
    const kept = Array.from({ length: size }, () => generator.uniform() >= p);
    const like = { dtype: x.storage.dtype, backend: x.backend };
    const factor = fromData(
      kept.map((keep) => (keep ? a : 0)),
      shape,
      like,
    );
    const shift = fromData(
      kept.map((keep) => a * ALPHA * (keep ? p : p - 1)),
      shape,
      like,
    );
    return add(mul(x, factor), shift);
  });
}
