import { checkOptions } from '@octet/backend';
import { nllLoss, type Tensor } from '@octet/tensor/functional';
import { Module } from '../module';
import { Buffer } from '../parameter';

export interface NLLLossOptions {
  /** How much each class counts: [C]. */
  weight?: Tensor;
  /** Targets of this value don't count. */
  ignoreIndex?: number;
  /** How the losses become one number; the mean is weighted. */
  reduction?: 'mean' | 'sum' | 'none';
}

/** -weight[target] · logProbs[target], for logProbs [N, C, ...] and target [N, ...] (int32). */
export class NLLLoss extends Module<[logProbs: Tensor, target: Tensor], Tensor> {
  static override readonly name: string = 'NLLLoss';

  readonly ignoreIndex: number;
  readonly reduction: 'mean' | 'sum' | 'none';
  weight: Buffer | undefined;

  constructor(options: NLLLossOptions = {}) {
    super();
    const {
      weight,
      ignoreIndex = -100,
      reduction = 'mean',
    } = checkOptions('NLLLoss', options, 'weight ignoreIndex reduction');
    this.ignoreIndex = ignoreIndex;
    this.reduction = reduction;
    this.weight = weight && new Buffer(weight);
  }

  forward(logProbs: Tensor, target: Tensor): Tensor {
    const { weight, ignoreIndex, reduction } = this;
    return nllLoss(logProbs, target, { weight, ignoreIndex, reduction });
  }
}
