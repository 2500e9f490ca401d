import { checkOptions } from '@octet/backend';
import {
  type BinaryCrossEntropyOptions,
  type BinaryCrossEntropyWithLogitsOptions,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type Reduction,
  type Tensor,
} from '@octet/tensor/functional';
import { Module } from '../module';
import { Buffer } from '../parameter';

/** -weight · (target · ln(input) + (1 - target) · ln(1 - input)), for input (probabilities) and target of one shape. */
export class BCELoss extends Module<[input: Tensor, target: Tensor], Tensor> {
  static override readonly name: string = 'BCELoss';

  readonly reduction: Reduction;
  weight: Buffer | undefined;

  constructor(options?: BinaryCrossEntropyOptions) {
    super();
    const { weight, reduction = 'mean' } = checkOptions('BCELoss', options, 'weight reduction');
    this.reduction = reduction;
    this.weight = weight && new Buffer(weight);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { weight, reduction } = this;
    return binaryCrossEntropy(input, target, { weight, reduction });
  }
}

/** `BCELoss` of sigmoid(input), without its loss of digits; `posWeight` is a factor for the losses of positive targets. */
export class BCEWithLogitsLoss extends Module<[input: Tensor, target: Tensor], Tensor> {
  static override readonly name: string = 'BCEWithLogitsLoss';

  readonly reduction: Reduction;
  weight: Buffer | undefined;
  posWeight: Buffer | undefined;

  constructor(options?: BinaryCrossEntropyWithLogitsOptions) {
    super();
    const {
      weight,
      posWeight,
      reduction = 'mean',
    } = checkOptions('BCEWithLogitsLoss', options, 'weight posWeight reduction');
    this.reduction = reduction;
    this.weight = weight && new Buffer(weight);
    this.posWeight = posWeight && new Buffer(posWeight);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { weight, posWeight, reduction } = this;
    return binaryCrossEntropyWithLogits(input, target, { weight, posWeight, reduction });
  }
}
