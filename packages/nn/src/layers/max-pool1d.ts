import { checkOptions, requireSingle } from '@octet/backend';
import { maxPool1d, type Tensor } from '@octet/tensor/functional';
import { repr, type Single, type Size1 } from '../arguments';
import { Module } from '../module';

export interface MaxPool1dOptions {
  /** The kernel size unless given. */
  stride?: Size1;
  padding?: Size1;
  dilation?: Size1;
}

/** The maximum in each window: x [N, C, L] → [N, C, OL], sizes as in Conv1d. Padding never wins. */
export class MaxPool1d extends Module {
  static override readonly name: string = 'MaxPool1d';
  static readonly pure = true;

  readonly kernelSize: Single;
  readonly stride: Single;
  readonly padding: Single;
  readonly dilation: Single;

  constructor(kernelSize: Size1, options: MaxPool1dOptions = {}) {
    super();
    const {
      stride = kernelSize,
      padding = 0,
      dilation = 1,
    } = checkOptions('MaxPool1d', options, 'stride padding dilation');
    this.kernelSize = [requireSingle('MaxPool1d', 'kernelSize', kernelSize)];
    this.stride = [requireSingle('MaxPool1d', 'stride', stride)];
    this.padding = [requireSingle('MaxPool1d', 'padding', padding, 0)];
    this.dilation = [requireSingle('MaxPool1d', 'dilation', dilation)];
  }

  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, dilation } = this;
    return maxPool1d(x, kernelSize, { stride, padding, dilation });
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding, dilation } = this;
    return repr({ kernelSize, stride, padding, dilation });
  }
}
