import { type KernelTable, QuantizationError, type UnaryName } from '@octet/backend';
import { Hardswish, LeakyReLU, type Module } from '@octet/nn/modules';
import type { Tensor } from '@octet/tensor/functional';
import type { OutputQparams } from '../functional/int8';
import { quantizedActivation, quantizedHardswish, quantizedLeakyRelu } from '../functional/pointwise';
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

/** An elementwise function on integers: the table of its 256 values. */
export class QuantizedActivation<N extends UnaryName = UnaryName> extends QuantizedOutput {
  static override readonly name: string = 'QuantizedActivation';
  static readonly pure = true;

  constructor(
    /** The function's row in the kernel table: 'silu', … */
    readonly kernel: N,
    readonly attrs: KernelTable[N]['attrs'],
    output: OutputQparams,
    /** Makes the float layer, for `toFloat`. */
    private readonly float?: () => Module,
  ) {
    super(output);
  }

  override forward(x: Tensor): Tensor {
    return quantizedActivation(this.kernel, x, this.attrs, this);
  }

  /** @throws QuantizationError if it was constructed without what makes the float layer */
  toFloat(): Module {
    if (this.float) return this.float().train(this.training);
    throw new QuantizationError({
      op: 'toFloat',
      expected: 'a QuantizedActivation that knows its float layer',
      found: `one of '${this.kernel}' that was made without`,
      fix: 'Pass what makes it as the last argument: () => new SiLU().',
    });
  }

  override extraRepr(): string {
    const attrs = Object.entries(this.attrs).map(([name, value]) => `${name}=${value}`);
    return [this.kernel, ...attrs, super.extraRepr()].join(', ');
  }
}
