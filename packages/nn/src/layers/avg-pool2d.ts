import { checkOptions, type Pair, requireFlag, requirePair } from '@octet/backend';
import { avgPool2d, type Tensor } from '@octet/tensor/functional';
import { repr, type Size2 } from '../arguments';
import { Module } from '../module';

export interface AvgPool2dOptions {
  /** The kernel size unless given. */
  stride?: Size2;
  padding?: Size2;
  /** Whether padded positions count in the divisor. */
  countIncludePad?: boolean;
  /** Whether a last window may hang over the end of the image: sizes are rounded up. */
  ceilMode?: boolean;
}

/** The mean of each window: x [N, C, H, W] → [N, C, OH, OW], sizes as in Conv2d. */
export class AvgPool2d extends Module {
  static override readonly name: string = 'AvgPool2d';
  static readonly pure = true;

  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly countIncludePad: boolean;

  readonly ceilMode: boolean;

  constructor(kernelSize: Size2, options: AvgPool2dOptions = {}) {
    super();
    const {
      stride = kernelSize,
      padding = 0,
      countIncludePad = true,
      ceilMode = false,
    } = checkOptions('AvgPool2d', options, 'stride padding countIncludePad ceilMode');
    this.kernelSize = requirePair('AvgPool2d', 'kernelSize', kernelSize);
    this.stride = requirePair('AvgPool2d', 'stride', stride);
    this.padding = requirePair('AvgPool2d', 'padding', padding, 0);
    this.countIncludePad = countIncludePad;
    this.ceilMode = requireFlag('AvgPool2d', 'ceilMode', ceilMode);
  }

  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, countIncludePad, ceilMode } = this;
    return avgPool2d(x, kernelSize, { stride, padding, countIncludePad, ceilMode });
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding } = this;
    return repr({ kernelSize, stride, padding, ceilMode: this.ceilMode || undefined });
  }
}
