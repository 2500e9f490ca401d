import { ShapeError } from '@octet/backend';
import { requireFloat } from '../../kernel';
import { formatShape, normalizeDim } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { slice } from '../shape/slice';
import { sigmoid } from './activations';
import { mul } from './mul';

/**
 * a · sigmoid(b), a and b the halves of x along `dim`: Dauphin et al., 2016.
 * @throws ShapeError if the dim has an odd size
 */
export function glu(x: Tensor, dim = -1): Tensor {
  requireFloat('glu', x);
  return tidy(() => {
    const [a, b] = halves('glu', x, dim);
    return mul(a, sigmoid(b));
  });
}

/** The first and the second half of x along `dim`: views. @throws ShapeError if the dim has an odd size */
export function halves(op: string, x: Tensor, dim: number): [first: Tensor, second: Tensor] {
  const at = normalizeDim(op, dim, x.dim);
  const size = x.shape[at];
  if (size % 2 !== 0) {
    throw new ShapeError({
      op,
      expected: `an even size of dim ${at}`,
      found: formatShape(x.shape),
      fix: 'The first half is scaled by what the second half lets through.',
    });
  }
  return [slice(x, at, 0, size / 2), slice(x, at, size / 2)];
}
