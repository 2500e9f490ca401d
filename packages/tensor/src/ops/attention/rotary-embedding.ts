import { checkOptions, ShapeError } from '@octet/backend';
import { broadcastLayout, requireFloat } from '../../kernel';
import { formatShape, sameShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { add } from '../elementwise/add';
import { mul } from '../elementwise/mul';
import { sub } from '../elementwise/sub';
import { cat } from '../shape/cat';
import { reshape } from '../shape/reshape';
import { select } from '../shape/select';
import { slice } from '../shape/slice';
import { stack } from '../shape/stack';

export interface RotaryEmbeddingFunctionOptions {
  /** Whether the pairs are neighbours, rather than columns i and i + R. Default: false. */
  interleaved?: boolean;
}

/**
 * Turns pairs of columns by angles: x [..., S, D], cos and sin broadcast to [..., S, R] → the shape of x. The first 2·R columns make R
 * pairs (a, b), which become
 *
 *     (a · cos - b · sin, a · sin + b · cos)
 *
 * The others stay.
 *
 * @throws ShapeError unless cos and sin have one shape that broadcasts, and 2·R <= D
 * @throws DTypeError unless all have one float dtype
 */
export function rotaryEmbedding(
  x: Tensor,
  cos: Tensor,
  sin: Tensor,
  options?: RotaryEmbeddingFunctionOptions,
): Tensor {
  const { interleaved = false } = checkOptions('rotaryEmbedding', options, 'interleaved');
  requireFloat('rotaryEmbedding', x, cos, sin);
  const R = cos.shape.at(-1) ?? 0;
  const D = x.shape.at(-1) ?? 0;
  if (!sameShape(cos.shape, sin.shape) || x.shape.length < 2 || 2 * R > D) {
    throw new ShapeError({
      op: 'rotaryEmbedding',
      expected: 'x [..., S, D], cos and sin [..., S, R] with 2 · R <= D',
      found: [x, cos, sin].map((t) => formatShape(t.shape)).join(', '),
      fix: 'cos and sin have a column for each pair of columns of x.',
    });
  }
  return tidy(() => {
    const turned = D === 2 * R ? x : slice(x, -1, 0, 2 * R);
    const pairs = reshape(turned, [...x.shape.slice(0, -1), ...(interleaved ? [R, 2] : [2, R])]);
    const dim = interleaved ? -1 : -2;
    const [a, b] = [select(pairs, dim, 0), select(pairs, dim, 1)];
    if (!sameShape(broadcastLayout('rotaryEmbedding', a, cos).shape, a.shape)) {
      throw new ShapeError({
        op: 'rotaryEmbedding',
        expected: `cos and sin that broadcast to ${formatShape(a.shape)}`,
        found: formatShape(cos.shape),
        fix: 'Heads come before the rows: positions [N, S] need unsqueeze(1) behind the batch.',
      });
    }
    const parts = [sub(mul(a, cos), mul(b, sin)), add(mul(a, sin), mul(b, cos))];
    const y = interleaved ? reshape(stack(parts, -1), turned.shape) : cat(parts, -1);
    return D === 2 * R ? y : cat([y, slice(x, -1, 2 * R, D)], -1);
  });
}
