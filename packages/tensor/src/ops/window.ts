/** What convolutions and pools have in common: windows that slide over an image. */
import { ArgumentError, type Pair, ShapeError, type WindowAttrs } from '@octet/backend';

/** One number for both directions, or [height, width]. */
export type PairLike = number | readonly [height: number, width: number];

export function pair(value: PairLike): Pair {
  return typeof value === 'number' ? [value, value] : value;
}

/** `pair`, checked. @throws ArgumentError unless both are whole numbers >= min. */
export function checkedPair(op: string, name: string, value: PairLike, min: number): Pair {
  const p = pair(value);
  if (p.length !== 2 || p.some((v) => !Number.isInteger(v) || v < min)) {
    throw new ArgumentError({
      op,
      expected: `${name}: a whole number >= ${min}, or two of them [height, width]`,
      found: Array.isArray(value) ? `[${value}]` : String(value),
      fix: `Correct the option '${name}'.`,
    });
  }
  return p;
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
    stride: checkedPair(op, 'stride', stride, 1),
    padding: checkedPair(op, 'padding', padding, 0),
    dilation: checkedPair(op, 'dilation', dilation, 1),
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
