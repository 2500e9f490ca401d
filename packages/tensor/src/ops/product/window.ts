/** What convolutions and pools have in common: windows that slide over an image. */
import { type Pair, requirePair, ShapeError, type WindowAttrs } from '@octet/backend';

/** One number for both directions, or [height, width]. */
export type PairLike = number | readonly [height: number, width: number];

export function pair(value: PairLike): Pair {
  return typeof value === 'number' ? [value, value] : value;
}

export interface WindowOptions {
  stride?: PairLike;
  padding?: PairLike;
  dilation?: PairLike;
}

/** The options as kernels take them. @throws ArgumentError */
export function windowAttrs(
  op: string,
  { stride = 1, padding = 0, dilation = 1 }: WindowOptions,
): WindowAttrs {
  return {
    stride: requirePair(op, 'stride', stride, 1),
    padding: requirePair(op, 'padding', padding, 0),
    dilation: requirePair(op, 'dilation', dilation, 1),
  };
}

/**
 * floor((size + 2 · padding - dilation · (kernelSize - 1) - 1) / stride) + 1, for height and width: the size of what a
 * convolution or pool gives.
 * @throws ShapeError if the kernel doesn't fit into the padded image.
 */
export function convOutputSize(
  op: string,
  size: Pair,
  kernelSize: Pair,
  { stride, padding, dilation }: WindowAttrs,
): Pair {
  const [oh, ow] = ([0, 1] as const).map(
    (i) => Math.floor((size[i] + 2 * padding[i] - dilation[i] * (kernelSize[i] - 1) - 1) / stride[i]) + 1,
  );
  if (oh < 1 || ow < 1) {
    const extent = ([0, 1] as const).map((i) => dilation[i] * (kernelSize[i] - 1) + 1);
    throw new ShapeError({
      op,
      expected: `an image of at least ${extent.join(' × ')} with its padding`,
      found: `${size.join(' × ')} and padding ${padding.join(' × ')}`,
      fix: 'Use a smaller kernel, more padding or a larger image.',
    });
  }
  return [oh, ow];
}
