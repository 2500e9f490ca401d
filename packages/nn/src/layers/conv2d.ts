import { ArgumentError, checkOptions, type Pair, requireFlag, requirePair } from '@octet/backend';
import { conv2d, numel, type Tensor, zeros } from '@octet/tensor/functional';
import { repr, type Size2, whole } from '../arguments';
import { calculateFanInAndFanOut, kaimingUniform_, uniform_ } from '../init';
import { Module } from '../module';
import { Parameter } from '../parameter';

export interface Conv2dOptions {
  stride?: Size2;
  padding?: Size2;
  dilation?: Size2;
  groups?: number;
  bias?: boolean;
}

/**
 * 2-d convolution: x [N, inChannels, H, W] → [N, outChannels, OH, OW] with
 * `OH = floor((H + 2·padding - dilation·(kernelSize - 1) - 1) / stride) + 1`.
 *
 * `weight` is [outChannels, inChannels / groups, kh, kw]; it and `bias` start uniform in ±1/√fanIn.
 * @throws ArgumentError if groups doesn't divide the channels, or a size is no whole number
 */
export class Conv2d extends Module {
  static override readonly name: string = 'Conv2d';
  static readonly pure = true;

  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  readonly groups: number;
  weight: Parameter;
  bias: Parameter | undefined;

  constructor(inChannels: number, outChannels: number, kernelSize: Size2, options: Conv2dOptions = {}) {
    super();
    const {
      stride = 1,
      padding = 0,
      dilation = 1,
      groups = 1,
      bias = true,
    } = checkOptions('Conv2d', options, 'stride padding dilation groups bias');
    this.inChannels = whole('Conv2d', 'inChannels', inChannels);
    this.outChannels = whole('Conv2d', 'outChannels', outChannels);
    this.kernelSize = requirePair('Conv2d', 'kernelSize', kernelSize);
    this.stride = requirePair('Conv2d', 'stride', stride);
    this.padding = requirePair('Conv2d', 'padding', padding, 0);
    this.dilation = requirePair('Conv2d', 'dilation', dilation);
    this.groups = whole('Conv2d', 'groups', groups);
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new ArgumentError({
        op: 'Conv2d',
        expected: 'inChannels and outChannels to be multiples of groups',
        found: `${inChannels} and ${outChannels} with groups ${groups}`,
        fix: 'A depthwise convolution has groups = inChannels.',
      });
    }
    this.weight = new Parameter(zeros([outChannels, inChannels / groups, ...this.kernelSize]));
    this.bias = requireFlag('Conv2d', 'bias', bias) ? new Parameter(zeros([outChannels])) : undefined;
    this.resetParameters();
  }

  /** What `conv2d` is told beside the tensors. */
  get options(): Required<Omit<Conv2dOptions, 'bias'>> {
    const { stride, padding, dilation, groups } = this;
    return { stride, padding, dilation, groups };
  }

  resetParameters(): void {
    resetLinearLike(this.weight, this.bias);
  }

  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.options);
  }

  /** Multiplications for one call. */
  macs(_input: readonly number[], output: readonly number[]): number {
    return numel(output) * (this.inChannels / this.groups) * numel(this.kernelSize);
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding, dilation, groups, bias } = this;
    const rest = {
      kernelSize,
      stride,
      padding: numel(padding) === 0 && padding[0] === padding[1] ? undefined : padding,
      dilation: numel(dilation) === 1 ? undefined : dilation,
      groups: groups === 1 ? undefined : groups,
      bias: bias ? undefined : false,
    };
    return `${this.inChannels}, ${this.outChannels}, ${repr(rest)}`;
  }
}

/** PyTorch's start for convolutions and linear layers: uniform in ±1/√fanIn. */
export function resetLinearLike(weight: Tensor, bias: Tensor | undefined): void {
  kaimingUniform_(weight, { a: Math.sqrt(5) });
  const { fanIn } = calculateFanInAndFanOut(weight);
  const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0;
  if (bias) uniform_(bias, -bound, bound);
}
