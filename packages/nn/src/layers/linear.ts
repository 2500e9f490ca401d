import { checkOptions, requireFlag } from '@octet/backend';
import { linear, numel, type Tensor, zeros } from '@octet/tensor/functional';
import { repr, requireInteger } from '../arguments';
import { Module } from '../module';
import { Parameter } from '../parameter';
import { resetLinearLike } from '../reset-linear-like';

export interface LinearOptions {
  bias?: boolean;
}

/**
 * x [..., inFeatures] → x · weightᵀ + bias, [..., outFeatures].
 *
 * `weight` is [outFeatures, inFeatures]; it and `bias` start uniform in ±1/√inFeatures.
 * @throws ArgumentError if a size is no whole number
 */
export class Linear extends Module {
  static override readonly name: string = 'Linear';
  static readonly pure = true;

  readonly inFeatures: number;
  readonly outFeatures: number;
  weight: Parameter;
  bias: Parameter | undefined;

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super();
    const { bias = true } = checkOptions('Linear', options, 'bias');
    this.inFeatures = requireInteger('Linear', 'inFeatures', inFeatures);
    this.outFeatures = requireInteger('Linear', 'outFeatures', outFeatures);
    this.weight = new Parameter(zeros([outFeatures, inFeatures]));
    this.bias = requireFlag('Linear', 'bias', bias) ? new Parameter(zeros([outFeatures])) : undefined;
    this.resetParameters();
  }

  resetParameters(): void {
    resetLinearLike(this.weight, this.bias);
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }

  /** Multiplications for one call. */
  macs(_input: readonly number[], output: readonly number[]): number {
    return numel(output) * this.inFeatures;
  }

  override extraRepr(): string {
    const { inFeatures, outFeatures } = this;
    return repr({ inFeatures, outFeatures, bias: this.bias !== undefined });
  }
}
