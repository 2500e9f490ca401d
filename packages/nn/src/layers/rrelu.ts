import { ArgumentError, checkOptions, requireNumbers } from '@octet/backend';
import { type Generator, rrelu, type Tensor } from '@octet/tensor/functional';
import { repr } from '../arguments';
import { Module } from '../module';

export interface RReLUOptions {
  generator?: Generator | undefined;
}

/**
 * x where x > 0, slope · x elsewhere, any shape: in training a slope between lower and upper is drawn for each element, in
 * evaluation it is their mean: Xu et al., 2015. @throws ArgumentError unless lower <= upper
 */
export class RReLU extends Module {
  static override readonly name: string = 'RReLU';
  static readonly pure = true;

  private readonly generator: Generator | undefined;

  constructor(
    readonly lower = 1 / 8,
    readonly upper = 1 / 3,
    options: RReLUOptions = {},
  ) {
    super();
    const { generator } = checkOptions('RReLU', options, 'generator');
    this.generator = generator;
    requireNumbers('RReLU', { lower, upper });
    if (lower <= upper) return;
    throw new ArgumentError({
      op: 'RReLU',
      expected: 'lower <= upper',
      found: `${lower} and ${upper}`,
      fix: 'The smaller bound comes first.',
    });
  }

  forward(x: Tensor): Tensor {
    const { lower, upper, training, generator } = this;
    return rrelu(x, lower, upper, { training, generator });
  }

  override extraRepr(): string {
    return repr({ lower: this.lower, upper: this.upper });
  }
}
