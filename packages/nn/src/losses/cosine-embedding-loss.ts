import { checkOptions } from '@octet/backend';
import {
  type CosineEmbeddingLossOptions,
  cosineEmbeddingLoss,
  type Reduction,
  type Tensor,
} from '@octet/tensor/functional';
import { Module } from '../module';

/** 1 - cos(a, b) where target is 1, max(0, cos(a, b) - margin) where it is -1, for a and b [N, D] and target [N]. */
export class CosineEmbeddingLoss extends Module<[a: Tensor, b: Tensor, target: Tensor], Tensor> {
  static override readonly name: string = 'CosineEmbeddingLoss';

  readonly margin: number;
  readonly reduction: Reduction;

  constructor(options?: CosineEmbeddingLossOptions) {
    super();
    const { margin = 0, reduction = 'mean' } = checkOptions(
      'CosineEmbeddingLoss',
      options,
      'margin reduction',
    );
    this.margin = margin;
    this.reduction = reduction;
  }

  forward(a: Tensor, b: Tensor, target: Tensor): Tensor {
    const { margin, reduction } = this;
    return cosineEmbeddingLoss(a, b, target, { margin, reduction });
  }
}
