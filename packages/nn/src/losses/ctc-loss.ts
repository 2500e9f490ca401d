import { checkOptions } from '@octet/backend';
import { type CtcLossOptions, ctcLoss, type Reduction, type Tensor } from '@octet/tensor/functional';
import { Module } from '../module';

type CtcInputs = [
  logProbs: Tensor,
  targets: Tensor | readonly (readonly number[])[],
  inputLengths?: readonly number[],
  targetLengths?: readonly number[],
];

/** Connectionist temporal classification (Graves et al., 2006) of logProbs [T, N, C]: see `ctcLoss`. */
export class CTCLoss extends Module<CtcInputs, Tensor> {
  static override readonly name: string = 'CTCLoss';

  readonly blank: number;
  readonly zeroInfinity: boolean;
  readonly reduction: Reduction;

  constructor(options?: CtcLossOptions) {
    super();
    const {
      blank = 0,
      zeroInfinity = false,
      reduction = 'mean',
    } = checkOptions('CTCLoss', options, 'blank zeroInfinity reduction');
    this.blank = blank;
    this.zeroInfinity = zeroInfinity;
    this.reduction = reduction;
  }

  forward(...[logProbs, targets, inputLengths, targetLengths]: CtcInputs): Tensor {
    const { blank, zeroInfinity, reduction } = this;
    return ctcLoss(logProbs, targets, inputLengths, targetLengths, { blank, zeroInfinity, reduction });
  }
}
