import { checkOptions, requireNumbers } from '@octet/backend';
import { type Tensor, threshold } from '@octet/tensor/functional';
import { repr } from '../arguments';
import { Module } from '../module';

/** x where x > threshold, value elsewhere; any shape. @throws ArgumentError unless both are numbers */
export class Threshold extends Module {
  static override readonly name: string = 'Threshold';
  static readonly pure = true;

  constructor(
    readonly threshold: number,
    readonly value: number,
    options?: Record<string, never>,
  ) {
    super();
    requireNumbers('Threshold', { threshold, value });
    checkOptions('Threshold', options);
  }

  forward(x: Tensor): Tensor {
    return threshold(x, this.threshold, this.value);
  }

  override extraRepr(): string {
    return repr({ threshold: this.threshold, value: this.value });
  }
}
