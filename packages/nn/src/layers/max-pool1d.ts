import { checkOptions, requireFlag, requireSingle } from '@octet/backend';
import { maxPool1d, maxPool1dWithIndices, type Tensor } from '@octet/tensor/functional';
import { repr, type Single, type Size1 } from '../arguments';
import { Module } from '../module';
import type { Pooled } from './pooled';

export interface MaxPool1dOptions<Indices extends boolean = boolean> {
  /** The kernel size unless given. */
  stride?: Size1;
  padding?: Size1;
  dilation?: Size1;
  /** Whether a last window may hang over the end of the image: sizes are rounded up. */
  ceilMode?: boolean;
  /** Whether calls give [y, indices]: the place in its row of each maximum, int32. For MaxUnpool1d. */
  returnIndices?: Indices;
}

/** The maximum in each window: x [N, C, L] → [N, C, OL], sizes as in Conv1d. Padding never wins. */
export class MaxPool1d<Indices extends boolean = false> extends Module<[x: Tensor], Pooled<Indices>> {
  static override readonly name: string = 'MaxPool1d';
  static readonly pure = true;

  readonly kernelSize: Single;
  readonly stride: Single;
  readonly padding: Single;
  readonly dilation: Single;

  readonly ceilMode: boolean;
  readonly returnIndices: boolean;

  constructor(kernelSize: Size1, options: MaxPool1dOptions<Indices> = {}) {
    super();
    const {
      stride = kernelSize,
      padding = 0,
      dilation = 1,
      ceilMode = false,
      returnIndices = false,
    } = checkOptions('MaxPool1d', options, 'stride padding dilation ceilMode returnIndices');
    this.kernelSize = [requireSingle('MaxPool1d', 'kernelSize', kernelSize)];
    this.stride = [requireSingle('MaxPool1d', 'stride', stride)];
    this.padding = [requireSingle('MaxPool1d', 'padding', padding, 0)];
    this.dilation = [requireSingle('MaxPool1d', 'dilation', dilation)];
    this.ceilMode = requireFlag('MaxPool1d', 'ceilMode', ceilMode);
    this.returnIndices = requireFlag('MaxPool1d', 'returnIndices', returnIndices);
  }

  forward(x: Tensor): Pooled<Indices> {
    const { kernelSize, stride, padding, dilation, ceilMode, returnIndices } = this;
    const pool = returnIndices ? maxPool1dWithIndices : maxPool1d;
    return pool(x, kernelSize, { stride, padding, dilation, ceilMode }) as Pooled<Indices>;
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding, dilation } = this;
    const flags = { ceilMode: this.ceilMode || undefined, returnIndices: this.returnIndices || undefined };
    return repr({ kernelSize, stride, padding, dilation, ...flags });
  }
}
