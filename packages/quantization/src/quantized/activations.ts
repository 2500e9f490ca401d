import type { KernelTable, UnaryName } from '@octet/backend';
import type { Tensor } from '@octet/tensor';
import { quantizedActivation, quantizedHardswish, quantizedLeakyRelu } from '../functional/arithmetic';
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

/** An elementwise function on integers: the table of its 256 values. */
export class QuantizedActivation<N extends UnaryName = UnaryName> extends Int8Module {
  static override readonly name: string = 'QuantizedActivation';
  static readonly pure = true;

  constructor(
    /** The function's row in the kernel table: 'silu', … */
    readonly kernel: N,
    readonly attrs: KernelTable[N]['attrs'],
    output: OutputQparams,
  ) {
    super(output);
  }

  override forward(x: Tensor): Tensor {
    return quantizedActivation(this.kernel, x, this.attrs, this);
  }

  override extraRepr(): string {
    const attrs = Object.entries(this.attrs).map(([name, value]) => `${name}=${value}`);
    return [this.kernel, ...attrs, super.extraRepr()].join(', ');
  }
}
