/** Layers of one op of the tensor. */
import { ArgumentError, checkOptions, describe, requireList, requireType, ShapeError } from '@octet/backend';
import {
  channelShuffle,
  dropout,
  formatShape,
  mul,
  neg,
  numel,
  ones,
  pixelShuffle,
  pixelUnshuffle,
  reshape,
  softmax,
  type Tensor,
  tidy,
} from '@octet/tensor/functional';
import { repr, requireRank } from '../arguments';
import { Module } from '../module';
import { DropoutNd } from './dropout-nd';

/** In training each channel of x [N, C, …] is 0 with probability p, and divided by 1 - p otherwise. */
function channelDropout(x: Tensor, p: number, training: boolean): Tensor {
  if (!training || p === 0) return x;
  return tidy(() => {
    const { dtype } = x.storage;
    const each = ones([...x.shape.slice(0, 2), ...x.shape.slice(2).map(() => 1)], {
      dtype,
      backend: x.backend,
    });
    return mul(x, dropout(each, p));
  });
}

/** In training each channel of x [N, C, L] is 0 with probability p, and divided by 1 - p otherwise; in evaluation x itself. */
export class Dropout1d extends DropoutNd {
  static override readonly name: string = 'Dropout1d';
  static readonly pure = true;

  forward(x: Tensor): Tensor {
    requireRank('Dropout1d', x, '[N, C, L]', 3);
    return channelDropout(x, this.p, this.training);
  }
}

/** In training each channel of x [N, C, H, W] is 0 with probability p, and divided by 1 - p otherwise; in evaluation x itself. */
export class Dropout2d extends DropoutNd {
  static override readonly name: string = 'Dropout2d';
  static readonly pure = true;

  forward(x: Tensor): Tensor {
    requireRank('Dropout2d', x, '[N, C, H, W]', 4);
    return channelDropout(x, this.p, this.training);
  }
}

/** e⁻ˣ / Σ e⁻ˣ along `dim`. */
export class Softmin extends Module {
  static override readonly name: string = 'Softmin';
  static readonly pure = true;

  constructor(readonly dim: number) {
    super();
    requireType('Softmin', 'dim', dim, 'number');
  }

  forward(x: Tensor): Tensor {
    return tidy(() => softmax(neg(x), this.dim));
  }

  override extraRepr(): string {
    return repr({ dim: this.dim });
  }
}

/** Softmax over the channels of x [N, C, H, W] or [C, H, W]. */
export class Softmax2d extends Module {
  static override readonly name: string = 'Softmax2d';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('Softmax2d', options);
  }

  forward(x: Tensor): Tensor {
    requireRank('Softmax2d', x, '[N, C, H, W] or [C, H, W]', 3, 4);
    return softmax(x, -3);
  }
}

/** Splits `dim` of x into dims of the sizes `unflattenedSize`, one of which may be -1. */
export class Unflatten extends Module {
  static override readonly name: string = 'Unflatten';
  static readonly pure = true;

  readonly dim: number;
  readonly unflattenedSize: readonly number[];

  /** @throws ArgumentError unless dim is a whole number and the sizes are, one of which may be -1 */
  constructor(dim: number, unflattenedSize: readonly number[]) {
    super();
    requireList('Unflatten', 'unflattenedSize', unflattenedSize);
    const free = unflattenedSize.filter((n) => n === -1).length;
    if (!Number.isInteger(dim) || free > 1 || !unflattenedSize.every((n) => Number.isInteger(n) && n >= -1)) {
      throw new ArgumentError({
        op: 'Unflatten',
        expected: 'a whole dim, and whole sizes, one of which may be -1',
        found: `${describe(dim)} and ${formatShape(unflattenedSize)}`,
        fix: 'Write new Unflatten(1, [2, -1]).',
      });
    }
    this.dim = dim;
    this.unflattenedSize = [...unflattenedSize];
  }

  /** @throws ShapeError unless x has such a dim and its size is the product of the sizes */
  forward(x: Tensor): Tensor {
    const { dim, unflattenedSize: sizes } = this;
    const d = dim < 0 ? dim + x.dim : dim;
    const known = numel(sizes.filter((n) => n !== -1));
    const free = sizes.includes(-1);
    const size = x.shape[d];
    if (size === undefined || (free ? known === 0 || size % known !== 0 : size !== known)) {
      throw new ShapeError({
        op: 'Unflatten',
        expected: `a dim ${dim} of ${formatShape(sizes)} elements`,
        found: formatShape(x.shape),
        fix: 'The sizes multiply to that of the dim.',
      });
    }
    const split = sizes.map((n) => (n === -1 ? size / known : n));
    return reshape(x, [...x.shape.slice(0, d), ...split, ...x.shape.slice(d + 1)]);
  }

  override extraRepr(): string {
    return repr({ dim: this.dim, unflattenedSize: this.unflattenedSize });
  }
}

/** Channels that become neighbours: [N, C·r², H, W] → [N, C, H·r, W·r] for an upscale factor of r; integers as they are. */
export class PixelShuffle extends Module {
  static override readonly name: string = 'PixelShuffle';
  static readonly pure = true;

  /** @throws ArgumentError unless upscaleFactor is a whole number above 0 */
  constructor(readonly upscaleFactor: number) {
    super();
    if (Number.isInteger(upscaleFactor) && upscaleFactor > 0) return;
    throw new ArgumentError({
      op: 'PixelShuffle',
      expected: 'upscaleFactor to be a whole number > 0',
      found: describe(upscaleFactor),
      fix: 'Write new PixelShuffle(2).',
    });
  }

  /** @throws ShapeError unless the channels are a multiple of r² */
  forward(x: Tensor): Tensor {
    return pixelShuffle(x, this.upscaleFactor);
  }

  override extraRepr(): string {
    return repr({ upscaleFactor: this.upscaleFactor });
  }
}

/** Neighbours that become channels: [N, C, H·r, W·r] → [N, C·r², H, W] for a downscale factor of r; integers as they are. */
export class PixelUnshuffle extends Module {
  static override readonly name: string = 'PixelUnshuffle';
  static readonly pure = true;

  /** @throws ArgumentError unless downscaleFactor is a whole number above 0 */
  constructor(readonly downscaleFactor: number) {
    super();
    if (Number.isInteger(downscaleFactor) && downscaleFactor > 0) return;
    throw new ArgumentError({
      op: 'PixelUnshuffle',
      expected: 'downscaleFactor to be a whole number > 0',
      found: describe(downscaleFactor),
      fix: 'Write new PixelUnshuffle(2).',
    });
  }

  /** @throws ShapeError unless height and width are multiples of r */
  forward(x: Tensor): Tensor {
    return pixelUnshuffle(x, this.downscaleFactor);
  }

  override extraRepr(): string {
    return repr({ downscaleFactor: this.downscaleFactor });
  }
}

/** Channels [N, C, …] of the groups in turn: the first of each, then the second; integers as they are. */
export class ChannelShuffle extends Module {
  static override readonly name: string = 'ChannelShuffle';
  static readonly pure = true;

  /** @throws ArgumentError unless groups is a whole number above 0 */
  constructor(readonly groups: number) {
    super();
    if (Number.isInteger(groups) && groups > 0) return;
    throw new ArgumentError({
      op: 'ChannelShuffle',
      expected: 'groups to be a whole number > 0',
      found: describe(groups),
      fix: 'Write new ChannelShuffle(2).',
    });
  }

  /** @throws ShapeError unless the channels are a multiple of the groups */
  forward(x: Tensor): Tensor {
    return channelShuffle(x, this.groups);
  }

  override extraRepr(): string {
    return repr({ groups: this.groups });
  }
}
