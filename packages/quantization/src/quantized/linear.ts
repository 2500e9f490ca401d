import type { Clamp } from '@octet/backend';
import type { Linear, Module } from '@octet/nn/modules';
import { dequantize, numel, type Tensor } from '@octet/tensor/functional';
import { floatLinear } from '../float-layers';
import { type OutputQparams, RELU } from '../functional/int8';
import { quantizedLinear } from '../functional/linear';
import { LinearReLU } from '../intrinsic';
import { rectifierOf } from '../intrinsic/rectifier';
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

  /** The bounds of the output, in real numbers. */
  protected get clamp(): Clamp | undefined {
    return undefined;
  }

  override forward(x: Tensor): Tensor {
    const { scale, zeroPoint, clamp } = this;
    return quantizedLinear(x, this.packed, { scale, zeroPoint, clamp });
  }

  /** The linear layer with the integers' numbers as weights. */
  toFloat(): Module {
    return floatLinear(dequantize(this.weight), this.bias, this.training);
  }

  /** Multiplications for one call. */
  macs(_input: readonly number[], output: readonly number[]): number {
    return numel(output) * this.inFeatures;
  }

  override extraRepr(): string {
    return `inFeatures=${this.inFeatures}, outFeatures=${this.outFeatures}, ${super.extraRepr()}`;
  }
}

/** int8 linear layer and ReLU or ReLU6. */
export class QuantizedLinearReLU extends QuantizedLinear {
  static override readonly name: string = 'QuantizedLinearReLU';

  /** As the layer without activation, of which `bounds` are the output's. */
  constructor(
    weight: Tensor,
    bias: Tensor | undefined,
    output: OutputQparams,
    readonly bounds: Clamp = RELU,
  ) {
    super(weight, bias, output);
  }

  protected override get clamp(): Clamp {
    return this.bounds;
  }

  override toFloat(): Module {
    return new LinearReLU(super.toFloat() as Linear, rectifierOf(this.bounds)).train(this.training);
  }
}
