import { checkOptions } from '@octet/backend';
import { ones, rmsNorm, type Tensor } from '@octet/tensor/functional';
import { repr, requireInteger, requireRange } from '../arguments';
import { ones_ } from '../init';
import { Module } from '../module';
import { Parameter } from '../parameter';

export interface RMSNormOptions {
  /** The distance from 1 to the next number of x's dtype unless given, as in PyTorch. */
  eps?: number | undefined;
  /** Whether there is a weight to learn. */
  elementwiseAffine?: boolean;
}

/**
 * `x / √(mean(x²) + eps) · weight` over the last dimensions, which have the shape `normalizedShape`: Zhang and Sennrich, 2019.
 */
export class RMSNorm extends Module {
  static override readonly name: string = 'RMSNorm';
  static readonly pure = true;

  readonly normalizedShape: readonly number[];
  readonly eps: number | undefined;
  readonly elementwiseAffine: boolean;
  weight: Parameter | undefined;

  constructor(normalizedShape: number | readonly number[], options: RMSNormOptions = {}) {
    super();
    const { eps, elementwiseAffine = true } = checkOptions('RMSNorm', options, 'eps elementwiseAffine');
    this.normalizedShape = typeof normalizedShape === 'number' ? [normalizedShape] : [...normalizedShape];
    for (const size of this.normalizedShape) requireInteger('RMSNorm', 'each size of normalizedShape', size);
    this.eps = eps === undefined ? undefined : requireRange('RMSNorm', 'eps', eps, 0);
    this.elementwiseAffine = elementwiseAffine;
    this.weight = elementwiseAffine ? new Parameter(ones(this.normalizedShape)) : undefined;
  }

  resetParameters(): void {
    if (this.weight) ones_(this.weight);
  }

  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.normalizedShape, this.weight, this.eps);
  }

  override extraRepr(): string {
    const { normalizedShape, eps, elementwiseAffine } = this;
    return repr({ normalizedShape, eps, elementwiseAffine });
  }
}
