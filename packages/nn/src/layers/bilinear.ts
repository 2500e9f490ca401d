import { checkOptions, requireFlag } from '@octet/backend';
import { bilinear, numel, type Tensor, zeros } from '@octet/tensor/functional';
import { repr, requireInteger } from '../arguments';
import { uniform_ } from '../init';
import { Module } from '../module';
import { Parameter } from '../parameter';

export interface BilinearOptions {
  bias?: boolean;
}

/**
 * a [..., in1Features] and b [..., in2Features] → aᵀ · weightₖ · b + biasₖ, [..., outFeatures].
 *
 * `weight` is [outFeatures, in1Features, in2Features]; it and `bias` start uniform in ±1/√in1Features.
 * @throws ArgumentError if a size is no whole number
 */
export class Bilinear extends Module<[a: Tensor, b: Tensor], Tensor> {
  static override readonly name: string = 'Bilinear';
  static readonly pure = true;

  readonly in1Features: number;
  readonly in2Features: number;
  readonly outFeatures: number;
  weight: Parameter;
  bias: Parameter | undefined;

  constructor(in1Features: number, in2Features: number, outFeatures: number, options: BilinearOptions = {}) {
    super();
    const { bias = true } = checkOptions('Bilinear', options, 'bias');
    this.in1Features = requireInteger('Bilinear', 'in1Features', in1Features);
    this.in2Features = requireInteger('Bilinear', 'in2Features', in2Features);
    this.outFeatures = requireInteger('Bilinear', 'outFeatures', outFeatures);
    this.weight = new Parameter(zeros([outFeatures, in1Features, in2Features]));
    this.bias = requireFlag('Bilinear', 'bias', bias) ? new Parameter(zeros([outFeatures])) : undefined;
    this.resetParameters();
  }

  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.in1Features);
    for (const parameter of this.parameters()) uniform_(parameter, -bound, bound);
  }

  forward(a: Tensor, b: Tensor): Tensor {
    return bilinear(a, b, this.weight, this.bias);
  }

  /** Multiplications for one call. */
  macs(_input: readonly number[], output: readonly number[]): number {
    return numel(output) * (this.in1Features + 1) * this.in2Features;
  }

  override extraRepr(): string {
    const { in1Features, in2Features, outFeatures } = this;
    return repr({ in1Features, in2Features, outFeatures, bias: this.bias !== undefined });
  }
}
