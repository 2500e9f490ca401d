import { checkOptions } from '@octet/backend';
import { layerNorm, ones, type Tensor, zeros } from '@octet/tensor/functional';
import { repr, requireInteger, requireRange } from '../arguments';
import { ones_, zeros_ } from '../init';
import { Module } from '../module';
import { Parameter } from '../parameter';

export interface LayerNormOptions {
  eps?: number;
  /** Whether there is a weight (and a bias) to learn. */
  elementwiseAffine?: boolean;
  bias?: boolean;
}

/**
 * `(x - mean) / √(var + eps) · weight + bias` over the last dimensions, which have the shape `normalizedShape`:
 * Ba, Kiros and Hinton, 2016.
 */
export class LayerNorm extends Module {
  static override readonly name: string = 'LayerNorm';
  static readonly pure = true;

  readonly normalizedShape: readonly number[];
  readonly eps: number;
  readonly elementwiseAffine: boolean;
  weight: Parameter | undefined;
  bias: Parameter | undefined;

  constructor(normalizedShape: number | readonly number[], options: LayerNormOptions = {}) {
    super();
    const {
      eps = 1e-5,
      elementwiseAffine = true,
      bias = true,
    } = checkOptions('LayerNorm', options, 'eps elementwiseAffine bias');
    this.normalizedShape = typeof normalizedShape === 'number' ? [normalizedShape] : [...normalizedShape];
    for (const size of this.normalizedShape)
      requireInteger('LayerNorm', 'each size of normalizedShape', size);
    this.eps = requireRange('LayerNorm', 'eps', eps, 0);
    this.elementwiseAffine = elementwiseAffine;
    this.weight = elementwiseAffine ? new Parameter(ones(this.normalizedShape)) : undefined;
    this.bias = elementwiseAffine && bias ? new Parameter(zeros(this.normalizedShape)) : undefined;
  }

  resetParameters(): void {
    if (this.weight) ones_(this.weight);
    if (this.bias) zeros_(this.bias);
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.normalizedShape, this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    const { normalizedShape, eps, elementwiseAffine } = this;
    return repr({ normalizedShape, eps, elementwiseAffine });
  }
}
