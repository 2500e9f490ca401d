import type { Tensor } from '@octet/tensor';
import { quantizedHardswish, quantizedLeakyRelu } from '../functional/arithmetic';
import type { OutputQparams } from '../functional/int8';
import { Int8Module } from './with-output';

/** hardswish on integers. */
export class QuantizedHardswish extends Int8Module {
  static override readonly name: string = 'QuantizedHardswish';
  static readonly pure = true;

  override forward(x: Tensor): Tensor {
    return quantizedHardswish(x, this);
  }
}

/** leakyRelu on integers. */
export class QuantizedLeakyReLU extends Int8Module {
  static override readonly name: string = 'QuantizedLeakyReLU';
  static readonly pure = true;

  constructor(
    readonly negativeSlope: number,
    output: OutputQparams,
  ) {
    super(output);
  }

  override forward(x: Tensor): Tensor {
    return quantizedLeakyRelu(x, this.negativeSlope, this);
  }
}
