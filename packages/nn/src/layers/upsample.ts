import { ArgumentError, checkOptions } from '@octet/backend';
import {
  type InterpolateMode,
  type InterpolateOptions,
  interpolate,
  type Tensor,
} from '@octet/tensor/functional';
import { repr } from '../arguments';
import { Module } from '../module';

export interface UpsampleOptions extends Omit<InterpolateOptions, 'mode'> {
  mode?: Exclude<InterpolateMode, 'area'>;
}

const OPTIONS = 'size scaleFactor mode alignCorners recomputeScaleFactor';

/**
 * x [N, C, H, W] or [N, C, L] in another size, by `interpolate`: `{ scaleFactor: 2, mode: 'bilinear' }`. Integers stay integers, at the
 * same scale and zero point, but for bicubic.
 * @throws ArgumentError unless one of size and scaleFactor is given
 */
export class Upsample extends Module {
  static override readonly name: string = 'Upsample';
  static readonly pure = true;

  readonly size: InterpolateOptions['size'];
  readonly scaleFactor: InterpolateOptions['scaleFactor'];
  readonly mode: InterpolateMode;
  readonly alignCorners: boolean | undefined;
  readonly recomputeScaleFactor: boolean | undefined;

  constructor(options: UpsampleOptions) {
    super();
    const {
      size,
      scaleFactor,
      mode = 'nearest',
      alignCorners,
      recomputeScaleFactor,
    } = checkOptions('Upsample', options, OPTIONS);
    requireOne('Upsample', size, scaleFactor);
    this.size = size;
    this.scaleFactor = scaleFactor;
    this.mode = mode;
    this.alignCorners = alignCorners;
    this.recomputeScaleFactor = recomputeScaleFactor;
  }

  forward(x: Tensor): Tensor {
    const { size, scaleFactor, mode, alignCorners, recomputeScaleFactor } = this;
    return interpolate(x, { size, scaleFactor, mode, alignCorners, recomputeScaleFactor });
  }

  override extraRepr(): string {
    const { size, scaleFactor, mode, alignCorners } = this;
    return repr({ size, scaleFactor, mode: `'${mode}'`, alignCorners });
  }
}

export interface UpsamplingOptions extends Pick<InterpolateOptions, 'size' | 'scaleFactor'> {}

/** Upsample to the nearest pixels. */
export class UpsamplingNearest2d extends Upsample {
  static override readonly name: string = 'UpsamplingNearest2d';

  constructor(options: UpsamplingOptions) {
    const { size, scaleFactor } = checkOptions('UpsamplingNearest2d', options, 'size scaleFactor');
    requireOne('UpsamplingNearest2d', size, scaleFactor);
    super({ size, scaleFactor, mode: 'nearest' });
  }
}

/** Bilinear Upsample with its corners aligned. */
export class UpsamplingBilinear2d extends Upsample {
  static override readonly name: string = 'UpsamplingBilinear2d';

  constructor(options: UpsamplingOptions) {
    const { size, scaleFactor } = checkOptions('UpsamplingBilinear2d', options, 'size scaleFactor');
    requireOne('UpsamplingBilinear2d', size, scaleFactor);
    super({ size, scaleFactor, mode: 'bilinear', alignCorners: true });
  }
}

function requireOne(op: string, size: unknown, scaleFactor: unknown): void {
  if ((size === undefined) !== (scaleFactor === undefined)) return;
  throw new ArgumentError({
    op,
    expected: 'size or scaleFactor',
    found: size === undefined ? 'neither' : 'both',
    fix: 'Say one of them: { scaleFactor: 2 }.',
  });
}
