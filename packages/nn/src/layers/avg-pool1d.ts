import { checkOptions, requireFlag, requireSingle } from '@octet/backend';
import { avgPool1d, type Tensor } from '@octet/tensor/functional';
import { repr, type Single, type Size1 } from '../arguments';
import { Module } from '../module';

export interface AvgPool1dOptions {
  /** The kernel size unless given. */
  stride?: Size1;
  padding?: Size1;
  /** Whether padded positions count in the divisor. */
  countIncludePad?: boolean;
  /** Whether a last window may hang over the end of the image: sizes are rounded up. */
  ceilMode?: boolean;
}

/** The mean of each window: x [N, C, L] → [N, C, OL], sizes as in Conv1d. */
export class AvgPool1d extends Module {
  static override readonly name: string = 'AvgPool1d';
  static readonly pure = true;

  readonly kernelSize: Single;
  readonly stride: Single;
  readonly padding: Single;
  readonly countIncludePad: boolean;

  readonly ceilMode: boolean;

  constructor(kernelSize: Size1, options: AvgPool1dOptions = {}) {
    super();
    const {
      stride = kernelSize,
      padding = 0,
      countIncludePad = true,
      ceilMode = false,
    } = checkOptions('AvgPool1d', options, 'stride padding countIncludePad ceilMode');
    this.kernelSize = [requireSingle('AvgPool1d', 'kernelSize', kernelSize)];
    this.stride = [requireSingle('AvgPool1d', 'stride', stride)];
    this.padding = [requireSingle('AvgPool1d', 'padding', padding, 0)];
    this.countIncludePad = countIncludePad;
    this.ceilMode = requireFlag('AvgPool1d', 'ceilMode', ceilMode);
  }

  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, countIncludePad, ceilMode } = this;
    return avgPool1d(x, kernelSize, { stride, padding, countIncludePad, ceilMode });
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding } = this;
    return repr({ kernelSize, stride, padding, ceilMode: this.ceilMode || undefined });
  }
}
