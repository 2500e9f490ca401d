import { checkOptions, requireFlag } from '@octet/backend';
import { maxPool1d, maxPool1dWithIndices, type Tensor } from '@octet/tensor/functional';
import type { Single, Size1 } from '../arguments';
import { sizesOf } from './conv-nd';
import { PoolNd } from './pool-nd';
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
export class MaxPool1d<Indices extends boolean = false> extends PoolNd<Single, [x: Tensor], Pooled<Indices>> {
  static override readonly name: string = 'MaxPool1d';
  static readonly pure = true;

  readonly dilation: Single;
  readonly ceilMode: boolean;
  readonly returnIndices: boolean;

  constructor(kernelSize: Size1, options: MaxPool1dOptions<Indices> = {}) {
    const given = checkOptions('MaxPool1d', options, 'stride padding dilation ceilMode returnIndices');
    super('MaxPool1d', 1, kernelSize, given);
    const { dilation = 1, ceilMode = false, returnIndices = false } = given;
    this.dilation = sizesOf('MaxPool1d', 1, 'dilation', dilation, 1);
    this.ceilMode = requireFlag('MaxPool1d', 'ceilMode', ceilMode);
    this.returnIndices = requireFlag('MaxPool1d', 'returnIndices', returnIndices);
  }

  forward(x: Tensor): Pooled<Indices> {
    const { kernelSize, stride, padding, dilation, ceilMode, returnIndices } = this;
    const pool = returnIndices ? maxPool1dWithIndices : maxPool1d;
    return pool(x, kernelSize, { stride, padding, dilation, ceilMode }) as Pooled<Indices>;
  }

  protected override get more() {
    const { dilation, ceilMode, returnIndices } = this;
    return { dilation, ceilMode: ceilMode || undefined, returnIndices: returnIndices || undefined };
  }
}
