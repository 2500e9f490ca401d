import { checkOptions } from '@octet/backend';
import { conv1d, numel, type Tensor } from '@octet/tensor/functional';
import type { Single, Size1 } from '../arguments';
import type { Parameter } from '../parameter';
import { ConvNd, type ConvOptions, emptyWeights } from './conv-nd';

export interface Conv1dOptions extends ConvOptions<Single> {}

/**
 * 1-d convolution, of sequences: x [N, inChannels, L] → [N, outChannels, OL] with
 * `OL = floor((L + 2·padding - dilation·(kernelSize - 1) - 1) / stride) + 1`.
 *
 * `weight` is [outChannels, inChannels / groups, k]; it and `bias` start uniform in ±1/√fanIn.
 * @throws ArgumentError if groups doesn't divide the channels, or a size is no whole number
 */
export class Conv1d extends ConvNd<Single> {
  static override readonly name: string = 'Conv1d';
  static readonly pure = true;

  weight: Parameter;
  bias: Parameter | undefined;

  constructor(inChannels: number, outChannels: number, kernelSize: Size1, options: Conv1dOptions = {}) {
    const given = checkOptions('Conv1d', options, 'stride padding paddingMode dilation groups bias');
    super('Conv1d', 1, inChannels, outChannels, kernelSize, given);
    const shape = [outChannels, inChannels / this.groups, ...this.kernelSize];
    const { weight, bias } = emptyWeights('Conv1d', shape, outChannels, given.bias ?? true);
    this.weight = weight;
    this.bias = bias;
    this.resetParameters();
  }

  /** What `conv1d` is told beside the tensors. */
  get options(): Required<Omit<Conv1dOptions, 'bias'>> {
    const { stride, padding, paddingMode, dilation, groups } = this;
    return { stride, padding, paddingMode, dilation, groups };
  }

  forward(x: Tensor): Tensor {
    return conv1d(x, this.weight, this.bias, this.options);
  }

  macs(_input: readonly number[], output: readonly number[]): number {
    return numel(output) * (this.inChannels / this.groups) * numel(this.kernelSize);
  }
}
