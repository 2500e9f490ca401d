import { checkOptions, requireFlag, requireSingle } from '@octet/backend';
import { maxPool1d, type Tensor } from '@octet/tensor/functional';
import { repr, type Single, type Size1 } from '../arguments';
import { Module } from '../module';

export interface MaxPool1dOptions {
  /** The kernel size unless given. */
  stride?: Size1;
  padding?: Size1;
  dilation?: Size1;
  /** Whether a last window may hang over the end of the image: sizes are rounded up. */
  ceilMode?: boolean;
}

/** The maximum in each window: x [N, C, L] → [N, C, OL], sizes as in Conv1d. Padding never wins. */
export class MaxPool1d extends Module {
  static override readonly name: string = 'MaxPool1d';
  static readonly pure = true;

  readonly kernelSize: Single;
  readonly stride: Single;
  readonly padding: Single;
  readonly dilation: Single;

  readonly ceilMode: boolean;

  constructor(kernelSize: Size1, options: MaxPool1dOptions = {}) {
    super();
    const {
      stride = kernelSize,
      padding = 0,
      dilation = 1,
      ceilMode = false,
    } = checkOptions('MaxPool1d', options, 'stride padding dilation ceilMode');
    this.kernelSize = [requireSingle('MaxPool1d', 'kernelSize', kernelSize)];
    this.stride = [requireSingle('MaxPool1d', 'stride', stride)];
    this.padding = [requireSingle('MaxPool1d', 'padding', padding, 0)];
    this.dilation = [requireSingle('MaxPool1d', 'dilation', dilation)];
    this.ceilMode = requireFlag('MaxPool1d', 'ceilMode', ceilMode);
  }

  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, dilation, ceilMode } = this;
    return maxPool1d(x, kernelSize, { stride, padding, dilation, ceilMode });
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding, dilation } = this;
    return repr({ kernelSize, stride, padding, dilation, ceilMode: this.ceilMode || undefined });
  }
}
