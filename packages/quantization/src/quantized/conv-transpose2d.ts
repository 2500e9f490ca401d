import type { ConvTranspose2d, Module } from '@octet/nn/modules';
import { dequantize, numel, type Tensor } from '@octet/tensor/functional';
import { floatConvTranspose2d } from '../float-layers';
import { quantizedConvTranspose2d } from '../functional/conv-transpose2d';
import type { OutputQparams } from '../functional/int8';
import { QuantizedConvNd } from './conv-nd';

/** int8 transposed convolution: x [N,C,H,W] quint8 → quint8. See quantizedConvTranspose2d for the arithmetic. */
export class QuantizedConvTranspose2d extends QuantizedConvNd<ConvTranspose2d> {
  static override readonly name: string = 'QuantizedConvTranspose2d';
  static readonly pure = true;

  readonly outputPadding: ConvTranspose2d['outputPadding'];

  /** `like` gives the geometry; weight [C, O/groups, kh, kw] qint8 with one scale, bias float32 [O]. */
  constructor(
    like: ConvTranspose2d | QuantizedConvTranspose2d,
    weight: Tensor,
    bias: Tensor | undefined,
    output: OutputQparams,
  ) {
    super(like, weight, bias, output, like.groups);
    this.outputPadding = like.outputPadding;
  }

  override forward(x: Tensor): Tensor {
    const { outputPadding } = this;
    return quantizedConvTranspose2d(x, this.packed, { ...this.options, outputPadding });
  }

  /** The layer with the integers' numbers as weights. */
  toFloat(): Module {
    return floatConvTranspose2d(this, dequantize(this.weight), this.bias) as unknown as Module;
  }

  override macs(input: readonly number[]): number {
    return numel(input) * (this.outChannels / this.groups) * numel(this.kernelSize);
  }
}
