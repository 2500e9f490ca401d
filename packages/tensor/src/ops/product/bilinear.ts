import { ShapeError } from '@octet/backend';
import { present, requireFloat, requireRank } from '../../kernel';
import { formatShape, sameShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { add } from '../elementwise/add';
import { mul } from '../elementwise/mul';
import { sum } from '../reduce/sum';
import { permute } from '../shape/permute';
import { reshape } from '../shape/reshape';
import { linear } from './linear';

/**
 * yₖ = aᵀ · weightₖ · b + biasₖ of a [..., A] and b [..., B]: weight [O, A, B] → [..., O].
 * @throws ShapeError, DTypeError
 */
export function bilinear(a: Tensor, b: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  requireFloat('bilinear', a, b, weight, ...present(bias));
  requireRank('bilinear', 'weight', weight, 3);
  const [outputs, inA, inB] = weight.shape;
  const [lead, sizeA] = [a.shape.slice(0, -1), a.shape.at(-1)];
  const fits =
    sizeA === inA &&
    b.shape.at(-1) === inB &&
    sameShape(b.shape.slice(0, -1), lead) &&
    (!bias || sameShape(bias.shape, [outputs]));
  if (!fits) {
    const given = [a, b, ...present(bias)].map(({ shape }) => formatShape(shape)).join(', ');
    throw new ShapeError({
      op: 'bilinear',
      expected: `a [..., ${inA}], b [..., ${inB}] with the same dims before, and bias [${outputs}]`,
      found: given,
      fix: 'weight is [outputs, features of a, features of b].',
    });
  }
  return tidy(() => {
    const rows = reshape(permute(weight, [0, 2, 1]), [outputs * inB, inA]);
    const products = reshape(linear(a, rows), [...lead, outputs, inB]);
    const y = sum(mul(products, reshape(b, [...lead, 1, inB])), [-1]);
    return bias ? add(y, bias) : y;
  });
}
