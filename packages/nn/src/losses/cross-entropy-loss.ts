import { checkOptions } from '@octet/backend';
import { crossEntropy, type Tensor } from '@octet/tensor/functional';
import { requireRange } from '../arguments';
import { Module } from '../module';
import { Buffer } from '../parameter';
import type { NLLLossOptions } from './nll-loss';

export interface CrossEntropyLossOptions extends NLLLossOptions {
  /** How much of the target is spread evenly over all classes, from 0 to 1. */
  labelSmoothing?: number;
}

/** The negative log likelihood of softmax(logits), for logits [N, C, ...] and target [N, ...] (int32). */
export class CrossEntropyLoss extends Module<[logits: Tensor, target: Tensor], Tensor> {
  static override readonly name: string = 'CrossEntropyLoss';

  readonly ignoreIndex: number;
  readonly reduction: 'mean' | 'sum' | 'none';
  readonly labelSmoothing: number;
  weight: Buffer | undefined;

  constructor(options?: CrossEntropyLossOptions) {
    super();
    const {
      weight,
      ignoreIndex = -100,
      reduction = 'mean',
      labelSmoothing = 0,
    } = checkOptions('CrossEntropyLoss', options, 'weight ignoreIndex reduction labelSmoothing');
    this.ignoreIndex = ignoreIndex;
    this.reduction = reduction;
    this.labelSmoothing = requireRange('CrossEntropyLoss', 'labelSmoothing', labelSmoothing, 0, 1);
    this.weight = weight && new Buffer(weight);
  }

  forward(logits: Tensor, target: Tensor): Tensor {
    const { weight, ignoreIndex, reduction, labelSmoothing } = this;
    return crossEntropy(logits, target, { weight, ignoreIndex, reduction, labelSmoothing });
  }
}
