import { Hardswish, LeakyReLU } from '@octet/nn';
import type { Tensor } from '@octet/tensor';
import type { OutputQparams } from '../functional/int8';
import { quantizedHardswish, quantizedLeakyRelu } from '../functional/pointwise';
import { QuantizedOutput } from './with-output';

/** hardswish on integers. */
export class QuantizedHardswish extends QuantizedOutput {
  static override readonly name: string = 'QuantizedHardswish';
  static readonly pure = true;

  override forward(x: Tensor): Tensor {
    return quantizedHardswish(x, this);
  }

  toFloat(): Hardswish {
    return new Hardswish().train(this.training);
  }
}

/** leakyRelu on integers. */
export class QuantizedLeakyReLU extends QuantizedOutput {
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

  toFloat(): LeakyReLU {
    return new LeakyReLU(this.negativeSlope).train(this.training);
  }
}
