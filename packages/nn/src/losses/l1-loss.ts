import { checkOptions } from '@octet/backend';
import { type LossOptions, l1Loss, type Reduction, type Tensor } from '@octet/tensor/functional';
import { Module } from '../module';

/** |input - target|, for input and target of one shape. */
export class L1Loss extends Module<[input: Tensor, target: Tensor], Tensor> {
  static override readonly name: string = 'L1Loss';

  readonly reduction: Reduction;

  constructor(options?: LossOptions) {
    super();
    const { reduction = 'mean' } = checkOptions('L1Loss', options, 'reduction');
    this.reduction = reduction;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return l1Loss(input, target, { reduction: this.reduction });
  }
}
