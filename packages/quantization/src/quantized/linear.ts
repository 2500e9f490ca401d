import { type Module, ReLU } from '@octet/nn/modules';
import { dequantize, numel, type Tensor } from '@octet/tensor/functional';
import { floatLinear } from '../float-layers';
import type { OutputQparams } from '../functional/int8';
import { quantizedLinear } from '../functional/linear';
import { LinearReLU } from '../intrinsic';
import { QuantizedWeightAndOutput } from './weighted';

/** int8 linear layer: x [..., inFeatures] quint8 → [..., outFeatures] quint8. */
export class QuantizedLinear extends QuantizedWeightAndOutput {
  static override readonly name: string = 'QuantizedLinear';
  static readonly pure = true;

  readonly inFeatures: number;
  readonly outFeatures: number;

  /** weight [outFeatures, inFeatures] qint8, bias float32 [outFeatures]. */
  constructor(weight: Tensor, bias: Tensor | undefined, output: OutputQparams) {
    super(weight, bias, output);
    [this.outFeatures, this.inFeatures] = weight.shape;
  }

  protected get relu(): boolean {
    return false;
  }

  override forward(x: Tensor): Tensor {
    const { scale, zeroPoint, relu } = this;
    return quantizedLinear(x, this.packed, { scale, zeroPoint, relu });
  }

  /** The linear layer with the integers' numbers as weights. */
  toFloat(): Module {
    const linear = floatLinear(dequantize(this.weight), this.bias, this.training);
    return this.relu ? new LinearReLU(linear, new ReLU()).train(this.training) : linear;
  }

  /** Multiplications for one call. */
  macs(_input: readonly number[], output: readonly number[]): number {
    return numel(output) * this.inFeatures;
  }

  override extraRepr(): string {
    return `inFeatures=${this.inFeatures}, outFeatures=${this.outFeatures}, ${super.extraRepr()}`;
  }
}

/** int8 linear layer and ReLU. */
export class QuantizedLinearReLU extends QuantizedLinear {
  static override readonly name: string = 'QuantizedLinearReLU';

  protected override get relu(): boolean {
    return true;
  }
}
