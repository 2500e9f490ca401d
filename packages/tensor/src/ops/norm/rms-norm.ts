import { requireList, requireType, ShapeError } from '@octet/backend';
import { present, requireFloat } from '../../kernel';
import { formatShape, sameShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { affine } from '../elementwise/affine';
import { mul } from '../elementwise/mul';
import { pow } from '../elementwise/pow';
import { square } from '../elementwise/square';
import { mean } from '../reduce/mean';

/**
 * x / sqrt(mean(x²) + eps) · weight over the last dims, which are `normalizedShape`, the shape of weight too. `eps` is the distance
 * from 1 to the next number of x's dtype unless given, as in PyTorch.
 * @throws ShapeError, DTypeError
 */
export function rmsNorm(
  x: Tensor,
  normalizedShape: readonly number[],
  weight?: Tensor,
  eps?: number,
): Tensor {
  requireFloat('rmsNorm', x, ...present(weight));
  requireList('rmsNorm', 'normalizedShape', normalizedShape);
  const added = eps ?? (x.dtype === 'float64' ? 2 ** -52 : 2 ** -23);
  requireType('rmsNorm', 'eps', added, 'number');
  const lead = x.dim - normalizedShape.length;
  if (normalizedShape.length === 0 || lead < 0 || !sameShape(x.shape.slice(lead), normalizedShape)) {
    throw new ShapeError({
      op: 'rmsNorm',
      expected: `x [..., ${normalizedShape.join(', ')}]`,
      found: formatShape(x.shape),
      fix: 'normalizedShape are the last dimensions of x, at least one.',
    });
  }
  if (weight && !sameShape(weight.shape, normalizedShape)) {
    throw new ShapeError({
      op: 'rmsNorm',
      expected: `weight ${formatShape(normalizedShape)}`,
      found: formatShape(weight.shape),
      fix: 'Make weight the normalized shape.',
    });
  }
  return tidy(() => {
    const dims = normalizedShape.map((_, i) => lead + i);
    const normal = mul(x, pow(affine(mean(square(x), dims, true), 1, added), -0.5));
    return weight ? mul(normal, weight) : normal;
  });
}
