import { checkOptions } from '@octet/backend';
import { convTranspose1d, type Tensor } from '@octet/tensor/functional';
import type { Single, Size1 } from '../arguments';
import type { Parameter } from '../parameter';
import { ConvTransposeNd, type ConvTransposeOptions, emptyWeights } from './conv-nd';

export interface ConvTranspose1dOptions extends ConvTransposeOptions<Single> {}

/**
 * 1-d transposed convolution: x [N, inChannels, L] → [N, outChannels, OL] with
 * `OL = (L - 1)·stride - 2·padding + dilation·(kernelSize - 1) + outputPadding + 1`.
 *
 * `weight` is [inChannels, outChannels / groups, k]; it and `bias` start uniform in ±1/√fanIn, as PyTorch counts it: of outChannels / groups.
 * @throws ArgumentError if groups doesn't divide the channels, or a size is no whole number
 */
export class ConvTranspose1d extends ConvTransposeNd<Single> {
  static override readonly name: string = 'ConvTranspose1d';
  static readonly pure = true;

  weight: Parameter;
  bias: Parameter | undefined;

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Size1,
    options: ConvTranspose1dOptions = {},
  ) {
    const given = checkOptions(
      'ConvTranspose1d',
      options,
      'stride padding outputPadding dilation groups bias',
    );
    super('ConvTranspose1d', 1, inChannels, outChannels, kernelSize, given);
    const shape = [inChannels, outChannels / this.groups, ...this.kernelSize];
    const { weight, bias } = emptyWeights('ConvTranspose1d', shape, outChannels, given.bias ?? true);
    this.weight = weight;
    this.bias = bias;
    this.resetParameters();
  }

  /**
   * `outputSize` is the size that the output should have, in the place of outputPadding: [OL].
   * @throws ArgumentError if no outputPadding gives that size
   */
  override forward(x: Tensor, outputSize?: readonly number[]): Tensor {
    return convTranspose1d(x, this.weight, this.bias, this.optionsFor(x, outputSize));
  }
}
