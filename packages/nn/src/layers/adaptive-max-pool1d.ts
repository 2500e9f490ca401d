import { checkOptions, requireFlag } from '@octet/backend';
import { adaptiveMaxPool1d, adaptiveMaxPool1dWithIndices, type Tensor } from '@octet/tensor/functional';
import type { Single, Size1 } from '../arguments';
import { AdaptivePoolNd } from './pool-nd';
import type { Pooled } from './pooled';

export interface AdaptiveMaxPool1dOptions<Indices extends boolean = boolean> {
  /** Whether calls give [y, indices]: the place in its row of each maximum, int32. */
  returnIndices?: Indices;
}

/** The maxima of windows that spread evenly: x [N, C, L] → [N, C, outputSize]. */
export class AdaptiveMaxPool1d<Indices extends boolean = false> extends AdaptivePoolNd<
  Single,
  Pooled<Indices>
> {
  static override readonly name: string = 'AdaptiveMaxPool1d';
  static readonly pure = true;

  readonly returnIndices: boolean;

  constructor(outputSize: Size1, options: AdaptiveMaxPool1dOptions<Indices> = {}) {
    const { returnIndices = false } = checkOptions('AdaptiveMaxPool1d', options, 'returnIndices');
    super('AdaptiveMaxPool1d', 1, outputSize);
    this.returnIndices = requireFlag('AdaptiveMaxPool1d', 'returnIndices', returnIndices);
  }

  forward(x: Tensor): Pooled<Indices> {
    const pool = this.returnIndices ? adaptiveMaxPool1dWithIndices : adaptiveMaxPool1d;
    return pool(x, this.outputSize) as Pooled<Indices>;
  }

  override extraRepr(): string {
    return super.extraRepr() + (this.returnIndices ? ', returnIndices=true' : '');
  }
}
