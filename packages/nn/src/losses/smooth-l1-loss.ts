import { checkOptions } from '@octet/backend';
import {
  type HuberLossOptions,
  huberLoss,
  type Reduction,
  type SmoothL1LossOptions,
  smoothL1Loss,
  type Tensor,
} from '@octet/tensor/functional';
import { requireRange } from '../arguments';
import { Module } from '../module';

/**
 * d² / (2 · beta) where |d| < beta, |d| - beta / 2 elsewhere, for d = input - target of one shape.
 * @throws ArgumentError unless beta >= 0
 */
export class SmoothL1Loss extends Module<[input: Tensor, target: Tensor], Tensor> {
  static override readonly name: string = 'SmoothL1Loss';

  readonly beta: number;
  readonly reduction: Reduction;

  constructor(options?: SmoothL1LossOptions) {
    super();
    const { beta = 1, reduction = 'mean' } = checkOptions('SmoothL1Loss', options, 'reduction beta');
    this.beta = requireRange('SmoothL1Loss', 'beta', beta, 0);
    this.reduction = reduction;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { beta, reduction } = this;
    return smoothL1Loss(input, target, { beta, reduction });
  }
}

/**
 * d² / 2 where |d| < delta, delta · (|d| - delta / 2) elsewhere, for d = input - target of one shape.
 * @throws ArgumentError unless delta >= 0; at the first call, unless it is more
 */
export class HuberLoss extends Module<[input: Tensor, target: Tensor], Tensor> {
  static override readonly name: string = 'HuberLoss';

  readonly delta: number;
  readonly reduction: Reduction;

  constructor(options?: HuberLossOptions) {
    super();
    const { delta = 1, reduction = 'mean' } = checkOptions('HuberLoss', options, 'reduction delta');
    this.delta = requireRange('HuberLoss', 'delta', delta, 0);
    this.reduction = reduction;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { delta, reduction } = this;
    return huberLoss(input, target, { delta, reduction });
  }
}
