import { checkOptions, requireType } from '@octet/backend';
import { leakyRelu, type Tensor } from '@octet/tensor';
import { repr } from '../arguments';
import { Module } from '../module';

/** x where x > 0, negativeSlope · x elsewhere; any shape. @throws ArgumentError unless negativeSlope is a number */
export class LeakyReLU extends Module {
  static override readonly name: string = 'LeakyReLU';
  static readonly pure = true;

  constructor(
    readonly negativeSlope = 0.01,
    options?: Record<string, never>,
  ) {
    super();
    requireType('LeakyReLU', 'negativeSlope', negativeSlope, 'number');
    checkOptions('LeakyReLU', options);
  }

  forward(x: Tensor): Tensor {
    return leakyRelu(x, this.negativeSlope);
  }

  override extraRepr(): string {
    return repr({ negativeSlope: this.negativeSlope });
  }
}
