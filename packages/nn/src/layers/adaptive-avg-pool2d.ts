import { checkOptions, type Pair } from '@octet/backend';
import { adaptiveAvgPool2d, type Tensor } from '@octet/tensor/functional';
import type { Size2 } from '../arguments';
import { AdaptivePoolNd } from './pool-nd';

/** Means over windows that spread evenly: x [N, C, H, W] → [N, C, ...outputSize]. */
export class AdaptiveAvgPool2d extends AdaptivePoolNd<Pair, Tensor> {
  static override readonly name: string = 'AdaptiveAvgPool2d';
  static readonly pure = true;

  constructor(outputSize: Size2, options?: Record<string, never>) {
    checkOptions('AdaptiveAvgPool2d', options);
    super('AdaptiveAvgPool2d', 2, outputSize);
  }

  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.outputSize);
  }
}
