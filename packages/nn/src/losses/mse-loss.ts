import { checkOptions } from '@octet/backend';
import { mseLoss, type Tensor } from '@octet/tensor/functional';
import { Module } from '../module';

export interface MSELossOptions {
  /** How the elements' losses become one number; 'none' leaves them apart. */
  reduction?: 'mean' | 'sum' | 'none';
}

/** (input - target)², for input and target of one shape. */
export class MSELoss extends Module<[input: Tensor, target: Tensor], Tensor> {
  static override readonly name: string = 'MSELoss';

  readonly reduction: 'mean' | 'sum' | 'none';

  constructor(options: MSELossOptions = {}) {
    super();
    const { reduction = 'mean' } = checkOptions('MSELoss', options, 'reduction');
    this.reduction = reduction;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return mseLoss(input, target, { reduction: this.reduction });
  }
}
