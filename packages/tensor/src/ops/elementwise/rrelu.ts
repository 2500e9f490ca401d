import { ArgumentError, checkOptions, requireFlag, requireNumbers } from '@octet/backend';
import { noGrad } from '../../autograd';
import { rand } from '../../factory';
import { requireFloat } from '../../kernel';
import type { Generator } from '../../random';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { leakyRelu } from './activations';
import { add } from './add';
import { affine } from './affine';
import { clamp } from './clamp';
import { mul } from './mul';
import { relu } from './relu';

export interface RReluOptions {
  /** Whether each element draws its own slope. */
  training?: boolean;
  generator?: Generator | undefined;
}

/**
 * x where x > 0, else a · x: in training a is drawn between `lower` and `upper` for each element, else it is their mean.
 * @throws ArgumentError unless lower <= upper
 */
export function rrelu(x: Tensor, lower = 1 / 8, upper = 1 / 3, options: RReluOptions = {}): Tensor {
  const { training = false, generator } = checkOptions('rrelu', options, 'training generator');
  requireFlag('rrelu', 'training', training);
  requireNumbers('rrelu', { lower, upper });
  requireFloat('rrelu', x);
  if (!(lower <= upper)) {
    throw new ArgumentError({
      op: 'rrelu',
      expected: 'lower <= upper',
      found: `${lower} and ${upper}`,
      fix: 'Slopes are drawn between the two.',
    });
  }
  if (!training) return leakyRelu(x, (lower + upper) / 2);
  return tidy(() => {
    const slopes = noGrad(() =>
      affine(
        rand(x.shape, { generator, backend: x.backend, dtype: x.dtype as 'float32' }),
        upper - lower,
        lower,
      ),
    );
    return add(relu(x), mul(clamp(x, undefined, 0), slopes));
  });
}
