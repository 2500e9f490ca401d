import { checkOptions, type Pair, requireFlag } from '@octet/backend';
import { maxPool2d, maxPool2dWithIndices, type Tensor } from '@octet/tensor/functional';
import type { Size2 } from '../arguments';
import { sizesOf } from './conv-nd';
import { PoolNd } from './pool-nd';
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
export class MaxPool2d<Indices extends boolean = false> extends PoolNd<Pair, [x: Tensor], Pooled<Indices>> {
  static override readonly name: string = 'MaxPool2d';
  static readonly pure = true;

  readonly dilation: Pair;
  readonly ceilMode: boolean;
  readonly returnIndices: boolean;

  constructor(kernelSize: Size2, options: MaxPool2dOptions<Indices> = {}) {
    const given = checkOptions('MaxPool2d', options, 'stride padding dilation ceilMode returnIndices');
    super('MaxPool2d', 2, kernelSize, given);
    const { dilation = 1, ceilMode = false, returnIndices = false } = given;
    this.dilation = sizesOf('MaxPool2d', 2, 'dilation', dilation, 1);
    this.ceilMode = requireFlag('MaxPool2d', 'ceilMode', ceilMode);
    this.returnIndices = requireFlag('MaxPool2d', 'returnIndices', returnIndices);
  }

  forward(x: Tensor): Pooled<Indices> {
    const { kernelSize, stride, padding, dilation, ceilMode, returnIndices } = this;
    const pool = returnIndices ? maxPool2dWithIndices : maxPool2d;
    return pool(x, kernelSize, { stride, padding, dilation, ceilMode }) as Pooled<Indices>;
  }

  protected override get more() {
    const { dilation, ceilMode, returnIndices } = this;
    return { dilation, ceilMode: ceilMode || undefined, returnIndices: returnIndices || undefined };
  }
}
