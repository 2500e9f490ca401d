import { checkOptions, type Pair } from '@octet/backend';
import { convTranspose2d, type Tensor } from '@octet/tensor/functional';
import type { Size2 } from '../arguments';
import type { Parameter } from '../parameter';
import { ConvTransposeNd, type ConvTransposeOptions, emptyWeights } from './conv-nd';

export interface ConvTranspose2dOptions extends ConvTransposeOptions<Pair> {}

/**
 * 2-d transposed convolution: x [N, inChannels, H, W] → [N, outChannels, OH, OW] with
 * `OH = (H - 1)·stride - 2·padding + dilation·(kernelSize - 1) + outputPadding + 1`.
 *
 * `weight` is [inChannels, outChannels / groups, kh, kw]; it and `bias` start uniform in ±1/√fanIn, as PyTorch counts it: of outChannels / groups.
 * @throws ArgumentError if groups doesn't divide the channels, or a size is no whole number
 */
export class ConvTranspose2d extends ConvTransposeNd<Pair> {
  static override readonly name: string = 'ConvTranspose2d';
  static readonly pure = true;

  weight: Parameter;
  bias: Parameter | undefined;

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Size2,
    options: ConvTranspose2dOptions = {},
  ) {
    const given = checkOptions(
      'ConvTranspose2d',
      options,
      'stride padding outputPadding dilation groups bias',
    );
    super('ConvTranspose2d', 2, inChannels, outChannels, kernelSize, given);
    const shape = [inChannels, outChannels / this.groups, ...this.kernelSize];
    const { weight, bias } = emptyWeights('ConvTranspose2d', shape, outChannels, given.bias ?? true);
    this.weight = weight;
    this.bias = bias;
    this.resetParameters();
  }

  /**
   * `outputSize` is the size that the output should have, in the place of outputPadding: [OH, OW].
   * @throws ArgumentError if no outputPadding gives that size
   */
  override forward(x: Tensor, outputSize?: readonly number[]): Tensor {
    return convTranspose2d(x, this.weight, this.bias, this.optionsFor(x, outputSize));
  }
}
