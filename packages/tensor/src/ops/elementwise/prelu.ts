import { ShapeError } from '@octet/backend';
import { requireFloat } from '../../kernel';
import { formatShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { reshape } from '../shape/reshape';
import { add } from './add';
import { clamp } from './clamp';
import { mul } from './mul';
import { relu } from './relu';

/**
 * x where x > 0, else weight · x: weight [1], or [C] for the channels of x [N, C, …].
 * @throws ShapeError for another shape of the weight
 */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  requireFloat('prelu', x, weight);
  const channels = x.dim > 1 ? x.shape[1] : 1;
  if (weight.dim > 1 || (weight.numel !== 1 && weight.numel !== channels)) {
    throw new ShapeError({
      op: 'prelu',
      expected: channels === 1 ? 'weight [1]' : `weight [1] or [${channels}]`,
      found: formatShape(weight.shape),
      fix: 'One slope for all, or one for each channel, which is dimension 1 of x.',
    });
  }
  return tidy(() => {
    const slopes =
      weight.numel === 1
        ? reshape(weight, [])
        : reshape(weight, [channels, ...new Array<number>(x.dim - 2).fill(1)]);
    return add(relu(x), mul(clamp(x, undefined, 0), slopes));
  });
}
