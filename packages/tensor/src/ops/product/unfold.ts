import { ArgumentError, checkOptions, ShapeError } from '@octet/backend';
import { fromData, full } from '../../factory';
import { requireRank, requireTensor } from '../../kernel';
import { formatShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { requirePlain } from '../indexing/axis';
import { indexSelect } from '../indexing/index-select';
import { indexAdd } from '../indexing/scatter';
import { pad } from '../shape/pad';
import { reshape } from '../shape/reshape';
import { type PairLike, pair } from './window';

export interface UnfoldOptions {
  stride?: PairLike;
  padding?: PairLike;
  dilation?: PairLike;
}

const windowOptions = 'stride padding dilation';

/** Where the elements of all windows lie in a padded image [H, W]: for each position in a window, every window. */
function places(
  op: string,
  [height, width]: readonly [number, number],
  kernelSize: PairLike,
  { stride = 1, padding = 0, dilation = 1 }: UnfoldOptions,
) {
  const [kh, kw] = pair(kernelSize);
  const [sh, sw] = pair(stride);
  const [ph, pw] = pair(padding);
  const [dh, dw] = pair(dilation);
  const whole = [kh, kw, sh, sw, dh, dw].every((v) => Number.isInteger(v) && v > 0);
  if (!whole || ![ph, pw].every((v) => Number.isInteger(v) && v >= 0)) {
    throw new ArgumentError({
      op,
      expected: 'whole numbers, of kernelSize, stride and dilation at least 1',
      found: `${[kh, kw]}, ${[sh, sw]}, ${[ph, pw]} and ${[dh, dw]}`,
      fix: 'Check the options.',
    });
  }
  const [h, w] = [height + 2 * ph, width + 2 * pw];
  const rows = Math.floor((h - dh * (kh - 1) - 1) / sh) + 1;
  const columns = Math.floor((w - dw * (kw - 1) - 1) / sw) + 1;
  if (rows < 1 || columns < 1) {
    throw new ShapeError({
      op,
      expected: 'windows within the padded image',
      found: `${kh} x ${kw} of ${h} x ${w}`,
      fix: 'Pad it more, or take smaller windows.',
    });
  }
  const positions: number[] = [];
  for (let i = 0; i < kh; i++)
    for (let j = 0; j < kw; j++)
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < columns; c++) positions.push((r * sh + i * dh) * w + c * sw + j * dw);
  return { positions, h, w, ph, pw, area: kh * kw, count: rows * columns };
}

/**
 * The windows of images [N, C, H, W] as columns [N, C·kh·kw, windows], in the order of convolutions.
 * @throws ShapeError, ArgumentError
 */
export function unfold(x: Tensor, kernelSize: PairLike, options?: UnfoldOptions): Tensor {
  const checked = checkOptions('unfold', options, windowOptions);
  requireTensor('unfold', x);
  requirePlain('unfold', x);
  requireRank('unfold', 'x', x, 4);
  const [n, c, height, width] = x.shape;
  const { positions, h, w, ph, pw, area, count } = places('unfold', [height, width], kernelSize, checked);
  return tidy(() => {
    const padded = reshape(pad(x, [pw, pw, ph, ph]), [n, c, h * w]);
    const index = fromData(Int32Array.from(positions), [positions.length], { backend: x.backend });
    return reshape(indexSelect(padded, 2, index), [n, c * area, count]);
  });
}

/**
 * The sums of windows: columns [N, C·kh·kw, windows] → images [N, C, H, W] of `outputSize`, the adjoint of `unfold`.
 * @throws ShapeError, ArgumentError
 */
export function fold(x: Tensor, outputSize: PairLike, kernelSize: PairLike, options?: UnfoldOptions): Tensor {
  const checked = checkOptions('fold', options, windowOptions);
  requireTensor('fold', x);
  requirePlain('fold', x);
  requireRank('fold', 'x', x, 3);
  const [height, width] = pair(outputSize);
  const { positions, h, w, ph, pw, area, count } = places('fold', [height, width], kernelSize, checked);
  const [n, rows, columns] = x.shape;
  if (rows % area !== 0 || columns !== count) {
    throw new ShapeError({
      op: 'fold',
      expected: `[N, C · ${area}, ${count}]`,
      found: formatShape(x.shape),
      fix: 'Give the options that unfold had.',
    });
  }
  return tidy(() => {
    const c = rows / area;
    const index = fromData(Int32Array.from(positions), [positions.length], { backend: x.backend });
    const zeros = full([n, c, h * w], 0, { dtype: x.storage.dtype, backend: x.backend });
    const added = indexAdd(zeros, 2, index, reshape(x, [n, c, area * count]));
    return pad(reshape(added, [n, c, h, w]), [-pw, -pw, -ph, -ph]);
  });
}
