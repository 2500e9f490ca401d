import { checkOptions } from '@octet/backend';
import { adaptiveAvgPool1d, type Tensor } from '@octet/tensor/functional';
import type { Single, Size1 } from '../arguments';
import { AdaptivePoolNd } from './pool-nd';

/** Means over windows that spread evenly: x [N, C, L] → [N, C, outputSize]. */
export class AdaptiveAvgPool1d extends AdaptivePoolNd<Single, Tensor> {
  static override readonly name: string = 'AdaptiveAvgPool1d';
  static readonly pure = true;

  constructor(outputSize: Size1, options?: Record<string, never>) {
    checkOptions('AdaptiveAvgPool1d', options);
    super('AdaptiveAvgPool1d', 1, outputSize);
  }

  forward(x: Tensor): Tensor {
    return adaptiveAvgPool1d(x, this.outputSize);
  }
}
