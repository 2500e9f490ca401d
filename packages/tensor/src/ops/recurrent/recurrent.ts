import { ShapeError } from '@octet/backend';
import { requireRank } from '../../kernel';
import { formatShape, sameShape } from '../../layout';
import type { Tensor } from '../../tensor';

/**
 * Checks one layer over all steps: x [T, N, G·H] for the G gates named, weight [G·H, H], bias [G·H], each of the state [N, H].
 * @throws ShapeError, also where T is 0
 */
export function requireRecurrent(
  op: string,
  gates: string,
  x: Tensor,
  weight: Tensor,
  state: Readonly<Record<string, Tensor>>,
  bias: Tensor | undefined,
): [T: number, N: number, H: number] {
  requireRank(op, 'x', x, 3);
  const [T, N, width] = x.shape;
  const count = gates.split(', ').length;
  const H = weight.shape[1];
  const fits =
    T > 0 &&
    sameShape(weight.shape, [width, width / count]) &&
    (!bias || sameShape(bias.shape, [width])) &&
    Object.values(state).every((t) => sameShape(t.shape, [N, H]));
  if (fits) return [T, N, H];
  const found = { x, weight, ...state, bias };
  const wide = `${count}·H`;
  throw new ShapeError({
    op,
    expected: `x [T, N, ${wide}] with T > 0, weight [${wide}, H], ${Object.keys(state).join(' and ')} [N, H], bias [${wide}]`,
    found: Object.entries(found)
      .flatMap(([name, t]) => (t ? [`${name} ${formatShape(t.shape)}`] : []))
      .join(', '),
    fix: `x holds the gates ${gates} of each step side by side.`,
  });
}
