import type { Pair } from '@octet/backend';
import { type Conv2d, type Module, ReLU } from '@octet/nn/modules';
import { dequantize, numel, type Tensor } from '@octet/tensor/functional';
import { floatConv } from '../float-layers';
import { quantizedConv2d } from '../functional/conv2d';
import type { OutputQparams } from '../functional/int8';
import { ConvReLU2d } from '../intrinsic';
import { QuantizedWeightAndOutput } from './weighted';

/** int8 convolution: x [N,C,H,W] quint8 → quint8. See quantizedConv2d for the arithmetic. */
export class QuantizedConv2d extends QuantizedWeightAndOutput {
  static override readonly name: string = 'QuantizedConv2d';
  static readonly pure = true;

  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  readonly groups: number;

  /** `like` gives the geometry; weight [O, C/groups, kh, kw] qint8, bias float32 [O]. */
  constructor(
    like: Conv2d | QuantizedConv2d,
    weight: Tensor,
    bias: Tensor | undefined,
    output: OutputQparams,
  ) {
    super(weight, bias, output);
    this.inChannels = like.inChannels;
    this.outChannels = like.outChannels;
    this.kernelSize = like.kernelSize;
    this.stride = like.stride;
    this.padding = like.padding;
    this.dilation = like.dilation;
    this.groups = like.groups;
  }

  protected get relu(): boolean {
    return false;
  }

  override forward(x: Tensor): Tensor {
    const { stride, padding, dilation, groups, scale, zeroPoint, relu } = this;
    return quantizedConv2d(x, this.packed, { stride, padding, dilation, groups, scale, zeroPoint, relu });
  }

  /** The convolution with the integers' numbers as weights. */
  toFloat(): Module {
    const conv = floatConv(this, dequantize(this.weight), this.bias);
    return this.relu ? new ConvReLU2d(conv, new ReLU()).train(this.training) : conv;
  }

  /** Multiplications for one call. */
  macs(_input: readonly number[], output: readonly number[]): number {
    return numel(output) * (this.inChannels / this.groups) * numel(this.kernelSize);
  }

  override extraRepr(): string {
    const { inChannels, outChannels, kernelSize, stride, padding, groups } = this;
    const more = groups === 1 ? '' : `, groups=${groups}`;
    return `${inChannels}, ${outChannels}, kernelSize=[${kernelSize}], stride=[${stride}], padding=[${padding}]${more}, ${super.extraRepr()}`;
  }
}

/** int8 convolution and ReLU: the clamp at the zero point costs nothing. */
export class QuantizedConvReLU2d extends QuantizedConv2d {
  static override readonly name: string = 'QuantizedConvReLU2d';

  protected override get relu(): boolean {
    return true;
  }
}
