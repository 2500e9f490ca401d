import type { ConvTranspose2d, Module } from '@octet/nn/modules';
import { dequantize, type Tensor } from '@octet/tensor/functional';
import { floatConvTranspose2d } from '../float-layers';
import { quantizedConvTranspose2d } from '../functional/conv-transpose2d';
import { QuantizedConvTransposeNd } from './conv-nd';

/** int8 transposed convolution: x [N,C,H,W] quint8 → quint8. See quantizedConvTranspose2d for the arithmetic. */
export class QuantizedConvTranspose2d extends QuantizedConvTransposeNd<ConvTranspose2d> {
  static override readonly name: string = 'QuantizedConvTranspose2d';
  static readonly pure = true;

  override forward(x: Tensor): Tensor {
    const { outputPadding } = this;
    return quantizedConvTranspose2d(x, this.packed, { ...this.options, outputPadding });
  }

  /** The layer with the integers' numbers as weights. */
  toFloat(): Module {
    return floatConvTranspose2d(this, dequantize(this.weight), this.bias) as unknown as Module;
  }
}
