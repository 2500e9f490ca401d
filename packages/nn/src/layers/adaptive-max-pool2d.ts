import { checkOptions, type Pair, requireFlag } from '@octet/backend';
import { adaptiveMaxPool2d, adaptiveMaxPool2dWithIndices, type Tensor } from '@octet/tensor/functional';
import type { Size2 } from '../arguments';
import { AdaptivePoolNd } from './pool-nd';
import type { Pooled } from './pooled';

export interface AdaptiveMaxPool2dOptions<Indices extends boolean = boolean> {
  /** Whether calls give [y, indices]: the place h · W + w in its image of each maximum, int32. */
  returnIndices?: Indices;
}

/** The maxima of windows that spread evenly: x [N, C, H, W] → [N, C, ...outputSize]. */
export class AdaptiveMaxPool2d<Indices extends boolean = false> extends AdaptivePoolNd<
  Pair,
  Pooled<Indices>
> {
  static override readonly name: string = 'AdaptiveMaxPool2d';
  static readonly pure = true;

  readonly returnIndices: boolean;

  constructor(outputSize: Size2, options: AdaptiveMaxPool2dOptions<Indices> = {}) {
    const { returnIndices = false } = checkOptions('AdaptiveMaxPool2d', options, 'returnIndices');
    super('AdaptiveMaxPool2d', 2, outputSize);
    this.returnIndices = requireFlag('AdaptiveMaxPool2d', 'returnIndices', returnIndices);
  }

  forward(x: Tensor): Pooled<Indices> {
    const pool = this.returnIndices ? adaptiveMaxPool2dWithIndices : adaptiveMaxPool2d;
    return pool(x, this.outputSize) as Pooled<Indices>;
  }

  override extraRepr(): string {
    return super.extraRepr() + (this.returnIndices ? ', returnIndices=true' : '');
  }
}
