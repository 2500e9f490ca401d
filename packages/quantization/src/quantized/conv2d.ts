import type { Clamp } from '@octet/backend';
import type { Conv2d, Module } from '@octet/nn/modules';
import { dequantize, type Tensor } from '@octet/tensor/functional';
import { floatConv } from '../float-layers';
import { quantizedConv2d } from '../functional/conv2d';
import { type OutputQparams, RELU } from '../functional/int8';
import { ConvReLU2d } from '../intrinsic';
import { rectifierOf } from '../intrinsic/rectifier';
import { type Geometry, QuantizedConvNd } from './conv-nd';

/** int8 convolution: x [N,C,H,W] quint8 → quint8. See quantizedConv2d for the arithmetic. */
export class QuantizedConv2d extends QuantizedConvNd<Conv2d> {
  static override readonly name: string = 'QuantizedConv2d';
  static readonly pure = true;

  override forward(x: Tensor): Tensor {
    const { paddingMode } = this;
    return quantizedConv2d(x, this.packed, { ...this.options, paddingMode });
  }

  /** The convolution with the integers' numbers as weights. */
  toFloat(): Module {
    return floatConv(this, dequantize(this.weight), this.bias);
  }
}

/** int8 convolution and ReLU or ReLU6: the clamp costs nothing. */
export class QuantizedConvReLU2d extends QuantizedConv2d {
  static override readonly name: string = 'QuantizedConvReLU2d';

  /** As the layer without activation, of which `bounds` are the output's. */
  constructor(
    like: Geometry<Conv2d>,
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
    return new ConvReLU2d(super.toFloat() as Conv2d, rectifierOf(this.bounds)).train(this.training);
  }
}
