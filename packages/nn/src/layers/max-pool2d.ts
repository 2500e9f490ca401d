import { checkOptions, type Pair, requireFlag, requirePair } from '@octet/backend';
import { maxPool2d, maxPool2dWithIndices, type Tensor } from '@octet/tensor/functional';
import { repr, type Size2 } from '../arguments';
import { Module } from '../module';
import type { Pooled } from './pooled';

export interface MaxPool2dOptions<Indices extends boolean = boolean> {
  /** The kernel size unless given. */
  stride?: Size2;
  padding?: Size2;
  dilation?: Size2;
  /** Whether a last window may hang over the end of the image: sizes are rounded up. */
  ceilMode?: boolean;
  /** Whether calls give [y, indices]: the place h · W + w in its image of each maximum, int32. For MaxUnpool2d. */
  returnIndices?: Indices;
}

/** The maximum in each window: x [N, C, H, W] → [N, C, OH, OW], sizes as in Conv2d. Padding never wins. */
export class MaxPool2d<Indices extends boolean = false> extends Module<[x: Tensor], Pooled<Indices>> {
  static override readonly name: string = 'MaxPool2d';
  static readonly pure = true;

  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;

  readonly ceilMode: boolean;
  readonly returnIndices: boolean;

  constructor(kernelSize: Size2, options: MaxPool2dOptions<Indices> = {}) {
    super();
    const {
      stride = kernelSize,
      padding = 0,
      dilation = 1,
      ceilMode = false,
      returnIndices = false,
    } = checkOptions('MaxPool2d', options, 'stride padding dilation ceilMode returnIndices');
    this.kernelSize = requirePair('MaxPool2d', 'kernelSize', kernelSize);
    this.stride = requirePair('MaxPool2d', 'stride', stride);
    this.padding = requirePair('MaxPool2d', 'padding', padding, 0);
    this.dilation = requirePair('MaxPool2d', 'dilation', dilation);
    this.ceilMode = requireFlag('MaxPool2d', 'ceilMode', ceilMode);
    this.returnIndices = requireFlag('MaxPool2d', 'returnIndices', returnIndices);
  }

  forward(x: Tensor): Pooled<Indices> {
    const { kernelSize, stride, padding, dilation, ceilMode, returnIndices } = this;
    const pool = returnIndices ? maxPool2dWithIndices : maxPool2d;
    return pool(x, kernelSize, { stride, padding, dilation, ceilMode }) as Pooled<Indices>;
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding, dilation } = this;
    const flags = { ceilMode: this.ceilMode || undefined, returnIndices: this.returnIndices || undefined };
    return repr({ kernelSize, stride, padding, dilation, ...flags });
  }
}
