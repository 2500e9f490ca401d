import { GLU } from '@octet/nn/modules';
import { halves, sigmoid, type Tensor, tidy } from '@octet/tensor/functional';
import { quantizedMul } from '../functional/arithmetic';
import type { OutputQparams } from '../functional/int8';
import { QuantizedOutput } from './with-output';

/** GLU on integers: the sigmoid of one half by its table, times the other half. PyTorch has none. */
export class QuantizedGLU extends QuantizedOutput {
  static override readonly name: string = 'QuantizedGLU';
  static readonly pure = true;

  constructor(
    readonly dim: number,
    output: OutputQparams,
  ) {
    super(output);
  }

  /** @throws ShapeError unless the dim halves, QuantizationError unless x is quint8 */
  override forward(x: Tensor): Tensor {
    return tidy(() => {
      const [a, b] = halves('quantized.GLU', x, this.dim);
      const { scale, zeroPoint } = this;
      return quantizedMul(a, sigmoid(b), { scale, zeroPoint });
    });
  }

  toFloat(): GLU {
    return new GLU(this.dim).train(this.training);
  }

  override extraRepr(): string {
    return `dim=${this.dim}, ${super.extraRepr()}`;
  }
}
