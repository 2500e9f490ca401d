import type { ConvTranspose1d, Module } from '@octet/nn/modules';
import { dequantize, numel, type Tensor } from '@octet/tensor/functional';
import { floatConvTranspose1d } from '../float-layers';
import { quantizedConvTranspose1d } from '../functional/conv-transpose2d';
import type { OutputQparams } from '../functional/int8';
import { QuantizedConvNd } from './conv-nd';

/** int8 1-d transposed convolution: x [N,C,L] quint8 → quint8. See quantizedConvTranspose2d for the arithmetic. */
export class QuantizedConvTranspose1d extends QuantizedConvNd<ConvTranspose1d> {
  static override readonly name: string = 'QuantizedConvTranspose1d';
  static readonly pure = true;

  readonly outputPadding: ConvTranspose1d['outputPadding'];

  /** `like` gives the geometry; weight [C, O/groups, k] qint8 with one scale, bias float32 [O]. */
  constructor(
    like: ConvTranspose1d | QuantizedConvTranspose1d,
    weight: Tensor,
    bias: Tensor | undefined,
    output: OutputQparams,
  ) {
    super(like, weight, bias, output, like.groups);
    this.outputPadding = like.outputPadding;
  }

  override forward(x: Tensor): Tensor {
    const { outputPadding } = this;
    return quantizedConvTranspose1d(x, this.packed, { ...this.options, outputPadding });
  }

  /** The layer with the integers' numbers as weights. */
  toFloat(): Module {
    return floatConvTranspose1d(this, dequantize(this.weight), this.bias) as unknown as Module;
  }

  override macs(input: readonly number[]): number {
    return numel(input) * (this.outChannels / this.groups) * numel(this.kernelSize);
  }
}
