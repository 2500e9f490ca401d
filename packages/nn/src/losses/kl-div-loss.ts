import { checkOptions } from '@octet/backend';
import { type KlDivOptions, klDiv, type Tensor } from '@octet/tensor/functional';
import { Module } from '../module';

/** target · (ln(target) - input), for logarithms of probabilities `input` and probabilities `target` of one shape. */
export class KLDivLoss extends Module<[input: Tensor, target: Tensor], Tensor> {
  static override readonly name: string = 'KLDivLoss';

  readonly reduction: 'mean' | 'batchMean' | 'sum' | 'none';
  readonly logTarget: boolean;

  constructor(options?: KlDivOptions) {
    super();
    const { reduction = 'mean', logTarget = false } = checkOptions(
      'KLDivLoss',
      options,
      'reduction logTarget',
    );
    this.reduction = reduction;
    this.logTarget = logTarget;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { reduction, logTarget } = this;
    return klDiv(input, target, { reduction, logTarget });
  }
}
