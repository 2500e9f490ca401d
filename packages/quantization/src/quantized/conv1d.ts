import type { Clamp } from '@octet/backend';
import type { Conv1d, Module } from '@octet/nn/modules';
import { dequantize, type Tensor } from '@octet/tensor/functional';
import { floatConv1d } from '../float-layers';
import { quantizedConv1d } from '../functional/conv2d';
import { type OutputQparams, RELU } from '../functional/int8';
import { ConvReLU1d } from '../intrinsic';
import { rectifierOf } from '../intrinsic/rectifier';
import { type Geometry, QuantizedConvNd } from './conv-nd';

/** int8 1-d convolution: x [N,C,L] quint8 → quint8. See quantizedConv2d for the arithmetic. */
export class QuantizedConv1d extends QuantizedConvNd<Conv1d> {
  static override readonly name: string = 'QuantizedConv1d';
  static readonly pure = true;

  override forward(x: Tensor): Tensor {
    const { paddingMode } = this;
    return quantizedConv1d(x, this.packed, { ...this.options, paddingMode });
  }

  /** The convolution with the integers' numbers as weights. */
  toFloat(): Module {
    return floatConv1d(this, dequantize(this.weight), this.bias);
  }
}

/** int8 1-d convolution and ReLU or ReLU6: the clamp costs nothing. */
export class QuantizedConvReLU1d extends QuantizedConv1d {
  static override readonly name: string = 'QuantizedConvReLU1d';

  /** As the layer without activation, of which `bounds` are the output's. */
  constructor(
    like: Geometry<Conv1d>,
    weight: Tensor,
    bias: Tensor | undefined,
    output: OutputQparams,
    readonly bounds: Clamp = RELU,
  ) {
    super(like, weight, bias, output);
  }

  protected override get clamp(): Clamp {
    return this.bounds;
  }

  override toFloat(): Module {
    return new ConvReLU1d(super.toFloat() as Conv1d, rectifierOf(this.bounds)).train(this.training);
  }
}
