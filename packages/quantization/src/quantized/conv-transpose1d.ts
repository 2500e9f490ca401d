import type { ConvTranspose1d, Module } from '@octet/nn/modules';
import { dequantize, type Tensor } from '@octet/tensor/functional';
import { floatConvTranspose1d } from '../float-layers';
import { quantizedConvTranspose1d } from '../functional/conv-transpose2d';
import { QuantizedConvTransposeNd } from './conv-nd';

/** int8 1-d transposed convolution: x [N,C,L] quint8 → quint8. See quantizedConvTranspose2d for the arithmetic. */
export class QuantizedConvTranspose1d extends QuantizedConvTransposeNd<ConvTranspose1d> {
  static override readonly name: string = 'QuantizedConvTranspose1d';
  static readonly pure = true;

  override forward(x: Tensor): Tensor {
    const { outputPadding } = this;
    return quantizedConvTranspose1d(x, this.packed, { ...this.options, outputPadding });
  }

  /** The layer with the integers' numbers as weights. */
  toFloat(): Module {
    return floatConvTranspose1d(this, dequantize(this.weight), this.bias) as unknown as Module;
  }
}
