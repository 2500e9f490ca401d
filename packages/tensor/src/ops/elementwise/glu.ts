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
  const at = normalizeDim('glu', dim, x.dim);
  const size = x.shape[at];
  if (size % 2 !== 0) {
    throw new ShapeError({
      op: 'glu',
      expected: `an even size of dim ${at}`,
      found: formatShape(x.shape),
      fix: 'The first half is scaled by what the second half lets through.',
    });
  }
  return tidy(() => mul(slice(x, at, 0, size / 2), sigmoid(slice(x, at, size / 2))));
}
