import { checkOptions } from '@octet/backend';
import {
  type Reduction,
  type Tensor,
  type TripletMarginLossOptions,
  tripletMarginLoss,
} from '@octet/tensor/functional';
import { Module } from '../module';

/** max(0, |anchor - positive| - |anchor - negative| + margin), for three tensors [N, D]. */
export class TripletMarginLoss extends Module<[anchor: Tensor, positive: Tensor, negative: Tensor], Tensor> {
  static override readonly name: string = 'TripletMarginLoss';

  readonly margin: number;
  readonly p: number;
  readonly eps: number;
  readonly swap: boolean;
  readonly reduction: Reduction;

  constructor(options?: TripletMarginLossOptions) {
    super();
    const {
      margin = 1,
      p = 2,
      eps = 1e-6,
      swap = false,
      reduction = 'mean',
    } = checkOptions('TripletMarginLoss', options, 'margin p eps swap reduction');
    this.margin = margin;
    this.p = p;
    this.eps = eps;
    this.swap = swap;
    this.reduction = reduction;
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { margin, p, eps, swap, reduction } = this;
    return tripletMarginLoss(anchor, positive, negative, { margin, p, eps, swap, reduction });
  }
}
