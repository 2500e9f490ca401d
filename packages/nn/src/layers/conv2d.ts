import { checkOptions, type Pair } from '@octet/backend';
import { conv2d, numel, type Tensor } from '@octet/tensor/functional';
import type { Size2 } from '../arguments';
import type { Parameter } from '../parameter';
import { ConvNd, type ConvOptions, emptyWeights } from './conv-nd';

export interface Conv2dOptions extends ConvOptions<Pair> {}

/**
 * 2-d convolution: x [N, inChannels, H, W] → [N, outChannels, OH, OW] with
 * `OH = floor((H + 2·padding - dilation·(kernelSize - 1) - 1) / stride) + 1`.
 *
 * `weight` is [outChannels, inChannels / groups, kh, kw]; it and `bias` start uniform in ±1/√fanIn.
 * @throws ArgumentError if groups doesn't divide the channels, or a size is no whole number
 */
export class Conv2d extends ConvNd<Pair> {
  static override readonly name: string = 'Conv2d';
  static readonly pure = true;

  weight: Parameter;
  bias: Parameter | undefined;

  constructor(inChannels: number, outChannels: number, kernelSize: Size2, options: Conv2dOptions = {}) {
    const given = checkOptions('Conv2d', options, 'stride padding paddingMode dilation groups bias');
    super('Conv2d', 2, inChannels, outChannels, kernelSize, given);
    const shape = [outChannels, inChannels / this.groups, ...this.kernelSize];
    const { weight, bias } = emptyWeights('Conv2d', shape, outChannels, given.bias ?? true);
    this.weight = weight;
    this.bias = bias;
    this.resetParameters();
  }

  /** What `conv2d` is told beside the tensors. */
  get options(): Required<Omit<Conv2dOptions, 'bias'>> {
    const { stride, padding, paddingMode, dilation, groups } = this;
    return { stride, padding, paddingMode, dilation, groups };
  }

  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.options);
  }

  macs(_input: readonly number[], output: readonly number[]): number {
    return numel(output) * (this.inChannels / this.groups) * numel(this.kernelSize);
  }
}
