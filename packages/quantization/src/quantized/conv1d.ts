import type { Clamp } from '@octet/backend';
import { type Conv1d, type Module, ReLU } from '@octet/nn/modules';
import { dequantize, type Tensor } from '@octet/tensor/functional';
import { floatConv1d } from '../float-layers';
import { quantizedConv1d } from '../functional/conv2d';
import { RELU } from '../functional/int8';
import { ConvReLU1d } from '../intrinsic';
import { QuantizedConvNd } from './conv-nd';

/** int8 1-d convolution: x [N,C,L] quint8 → quint8. See quantizedConv2d for the arithmetic. */
export class QuantizedConv1d extends QuantizedConvNd<Conv1d> {
  static override readonly name: string = 'QuantizedConv1d';
  static readonly pure = true;

  override forward(x: Tensor): Tensor {
    return quantizedConv1d(x, this.packed, this.options);
  }

  /** The convolution with the integers' numbers as weights. */
  toFloat(): Module {
    return floatConv1d(this, dequantize(this.weight), this.bias);
  }
}

/** int8 1-d convolution and ReLU: the clamp at the zero point costs nothing. */
export class QuantizedConvReLU1d extends QuantizedConv1d {
  static override readonly name: string = 'QuantizedConvReLU1d';

  protected override get clamp(): Clamp {
    return RELU;
  }

  override toFloat(): Module {
    return new ConvReLU1d(super.toFloat() as Conv1d, new ReLU()).train(this.training);
  }
}
