/** What convolutions and pools have in common: windows that slide over an image, or along a row. */
import { type Pair, requirePair, requireSingle, ShapeError, type WindowAttrs } from '@octet/backend';
import { view } from '../../kernel';
import { inserted, removed } from '../../layout';
import type { Tensor } from '../../tensor';

/** One number for both directions, or [height, width]. */
export type PairLike = number | readonly [height: number, width: number];

/** A size along a row, by itself or in a list. */
export type SingleLike = number | readonly [length: number];

/** How many dims windows slide over: 2 of images [N, C, H, W], 1 of rows [N, C, L], which kernels see as images of height 1. */
export type SpatialRank = 1 | 2;

export function pair(value: PairLike): Pair {
  return typeof value === 'number' ? [value, value] : value;
}

export interface WindowOptions<Size = PairLike> {
  stride?: Size;
  padding?: Size;
  dilation?: Size;
}

/** [height, width] of a size; a row's height is `min`. @throws ArgumentError unless the sizes are whole numbers >= min */
export function sizePair(
  op: string,
  name: string,
  value: PairLike | SingleLike,
  min: 0 | 1,
  rank: SpatialRank,
): Pair {
  return rank === 2
    ? requirePair(op, name, value as PairLike, min)
    : [min, requireSingle(op, name, value as SingleLike, min)];
}

/** The options as kernels take them. @throws ArgumentError */
export function windowAttrs(
  op: string,
  { stride = 1, padding = 0, dilation = 1 }: WindowOptions<PairLike | SingleLike>,
  rank: SpatialRank = 2,
): WindowAttrs {
  return {
    stride: sizePair(op, 'stride', stride, 1, rank),
    padding: sizePair(op, 'padding', padding, 0, rank),
    dilation: sizePair(op, 'dilation', dilation, 1, rank),
  };
}

/** A tensor [N, C, L] as the image [N, C, 1, L], one of 4 dims itself. Not recorded. */
export function asImage(x: Tensor): Tensor {
  if (x.shape.length !== 3) return x;
  const { shape, strides, offset } = x;
  const layout = {
    shape: inserted(shape, 2, 1),
    strides: inserted(strides, 2, shape[2] * strides[2]),
    offset,
  };
  return view(x, layout);
}

/** An image of height 1 as [N, C, L] if `rank` is 1; else itself. Not recorded. */
export function fromImage(x: Tensor, rank: SpatialRank): Tensor {
  if (rank === 2) return x;
  const { shape, strides, offset } = x;
  return view(x, { shape: removed(shape, 2), strides: removed(strides, 2), offset });
}

/**
 * floor((size + 2 · padding - dilation · (kernelSize - 1) - 1) / stride) + 1, for height and width: the size of what a
 * convolution or pool gives. With `ceilMode` ceil, but without a last window that would start in the padding at the end.
 * @throws ShapeError if the kernel doesn't fit into the padded image.
 */
export function convOutputSize(
  op: string,
  size: Pair,
  kernelSize: Pair,
  { stride, padding, dilation }: WindowAttrs,
  rank: SpatialRank = 2,
  ceilMode = false,
): Pair {
  const [oh, ow] = ([0, 1] as const).map((i) => {
    const room = size[i] + 2 * padding[i] - dilation[i] * (kernelSize[i] - 1) - 1;
    const out = (ceilMode ? Math.ceil(room / stride[i]) : Math.floor(room / stride[i])) + 1;
    // The last window starts in the image, or in the padding before it.
    return ceilMode && (out - 1) * stride[i] >= size[i] + padding[i] ? out - 1 : out;
  });
  if (oh < 1 || ow < 1) {
    const extent = ([0, 1] as const).map((i) => dilation[i] * (kernelSize[i] - 1) + 1);
    const shown = (sizes: readonly number[]) => sizes.slice(-rank).join(' × ');
    throw new ShapeError({
      op,
      expected: `${rank === 2 ? 'an image' : 'a row'} of at least ${shown(extent)} with its padding`,
      found: `${shown(size)} and padding ${shown(padding)}`,
      fix: `Use a smaller kernel, more padding or a ${rank === 2 ? 'larger image' : 'longer row'}.`,
    });
  }
  return [oh, ow];
}
