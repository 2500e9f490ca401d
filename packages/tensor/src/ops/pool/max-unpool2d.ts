import { ArgumentError, checkOptions, ShapeError } from '@octet/backend';
import { zeros } from '../../factory';
import { requireFloat, requireRank, requireTensor } from '../../kernel';
import { formatShape, sameShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { scatter } from '../indexing/scatter';
import { type PairLike, type SingleLike, type SpatialRank, sizePair } from '../product/window';
import { flatten } from '../shape/flatten';
import { reshape } from '../shape/reshape';

interface UnpoolOptions<Size> {
  /** kernelSize unless given. */
  stride?: Size;
  padding?: Size;
  /** Height and width, or the length, of the output: less than a stride away from what is computed. */
  outputSize?: readonly number[];
}

export type MaxUnpool2dOptions = UnpoolOptions<PairLike>;

export type MaxUnpool1dOptions = UnpoolOptions<SingleLike>;

const OPTIONS = 'stride padding outputSize';

/**
 * The partial inverse of maxPool2dWithIndices: zeros [N, C, OH, OW] with the elements of x [N, C, H, W] at the places `indices`, where
 * `OH = (H - 1) · stride - 2 · padding + kernelSize`, or outputSize. Of several for one place one stays.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function maxUnpool2d(
  x: Tensor,
  indices: Tensor,
  kernelSize: PairLike,
  options?: MaxUnpool2dOptions,
): Tensor {
  return maxUnpool('maxUnpool2d', 2, x, indices, kernelSize, checkOptions('maxUnpool2d', options, OPTIONS));
}

/** The same of rows: x [N, C, L] → [N, C, OL]. @throws ShapeError, ArgumentError, DTypeError */
export function maxUnpool1d(
  x: Tensor,
  indices: Tensor,
  kernelSize: SingleLike,
  options?: MaxUnpool1dOptions,
): Tensor {
  return maxUnpool('maxUnpool1d', 1, x, indices, kernelSize, checkOptions('maxUnpool1d', options, OPTIONS));
}

function maxUnpool(
  name: string,
  rank: SpatialRank,
  x: Tensor,
  indices: Tensor,
  kernelSize: PairLike | SingleLike,
  { stride = kernelSize, padding = 0, outputSize }: UnpoolOptions<PairLike | SingleLike>,
): Tensor {
  requireFloat(name, x);
  requireTensor(name, indices);
  requireRank(name, 'x', x, rank + 2);
  if (!sameShape(x.shape, indices.shape)) {
    throw new ShapeError({
      op: name,
      expected: `indices of shape ${formatShape(x.shape)}, one for each element of x`,
      found: formatShape(indices.shape),
      fix: 'Pass the indices that the pool gave with x.',
    });
  }
  const sizes = (option: string, value: PairLike | SingleLike, min: 0 | 1) =>
    sizePair(name, option, value, min, rank).slice(-rank);
  const [kernel, step, around] = [
    sizes('kernelSize', kernelSize, 1),
    sizes('stride', stride, 1),
    sizes('padding', padding, 0),
  ];
  const computed = x.shape.slice(2).map((n, d) => (n - 1) * step[d] - 2 * around[d] + kernel[d]);
  const size = outputSize === undefined ? computed : outputSize.slice(-rank);
  const fits =
    size.length === rank &&
    size.every(
      (n, d) => Number.isInteger(n) && n > 0 && (n === computed[d] || Math.abs(n - computed[d]) < step[d]),
    );
  if (!fits) {
    throw new ArgumentError({
      op: name,
      expected: `an output of at least 1 and less than a stride away from ${formatShape(computed)}`,
      found: formatShape(size),
      fix: 'outputSize is the size of what was pooled.',
    });
  }
  const [n, c] = x.shape;
  return tidy(() => {
    const plane = size.reduce((product, length) => product * length, 1);
    const empty = zeros([n, c, plane], { dtype: x.storage.dtype as 'float32', backend: x.backend });
    return reshape(scatter(empty, 2, flatten(indices, 2), flatten(x, 2)), [n, c, ...size]);
  });
}
