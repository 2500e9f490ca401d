import { checkOptions } from '@octet/backend';
import { dropout, type Generator, type Tensor } from '@octet/tensor/functional';
import { repr, requireRange } from '../arguments';
import { Module } from '../module';

/**
 * In training each element becomes 0 with probability `p`, and the others are divided by 1 - p; in evaluation nothing
 * happens. @throws ArgumentError unless 0 <= p <= 1
 */
export class Dropout extends Module {
  static override readonly name: string = 'Dropout';
  static readonly pure = true;

  readonly p: number;
  /** The default generator unless given. */
  readonly generator: Generator | undefined;

  constructor(p = 0.5, options: { generator?: Generator | undefined } = {}) {
    super();
    const { generator } = checkOptions('Dropout', options, 'generator');
    this.p = requireRange('Dropout', 'p', p, 0, 1);
    this.generator = generator;
  }

  forward(x: Tensor): Tensor {
    const { p, training, generator } = this;
    return dropout(x, p, { training, generator });
  }

  override extraRepr(): string {
    return repr({ p: this.p });
  }
}
