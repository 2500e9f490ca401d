import { checkOptions, type Pair, requireFlag, requirePair } from '@octet/backend';
import { maxPool2d, type Tensor } from '@octet/tensor/functional';
import { repr, type Size2 } from '../arguments';
import { Module } from '../module';

export interface MaxPool2dOptions {
  /** The kernel size unless given. */
  stride?: Size2;
  padding?: Size2;
  dilation?: Size2;
  /** Whether a last window may hang over the end of the image: sizes are rounded up. */
  ceilMode?: boolean;
}

/** The maximum in each window: x [N, C, H, W] → [N, C, OH, OW], sizes as in Conv2d. Padding never wins. */
export class MaxPool2d extends Module {
  static override readonly name: string = 'MaxPool2d';
  static readonly pure = true;

  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;

  readonly ceilMode: boolean;

  constructor(kernelSize: Size2, options: MaxPool2dOptions = {}) {
    super();
    const {
      stride = kernelSize,
      padding = 0,
      dilation = 1,
      ceilMode = false,
    } = checkOptions('MaxPool2d', options, 'stride padding dilation ceilMode');
    this.kernelSize = requirePair('MaxPool2d', 'kernelSize', kernelSize);
    this.stride = requirePair('MaxPool2d', 'stride', stride);
    this.padding = requirePair('MaxPool2d', 'padding', padding, 0);
    this.dilation = requirePair('MaxPool2d', 'dilation', dilation);
    this.ceilMode = requireFlag('MaxPool2d', 'ceilMode', ceilMode);
  }

  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, dilation, ceilMode } = this;
    return maxPool2d(x, kernelSize, { stride, padding, dilation, ceilMode });
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding, dilation } = this;
    return repr({ kernelSize, stride, padding, dilation, ceilMode: this.ceilMode || undefined });
  }
}
