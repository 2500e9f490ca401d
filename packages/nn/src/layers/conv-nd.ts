import { ArgumentError, requireFlag, requirePair, requireSingle } from '@octet/backend';
import { numel, type Tensor, zeros } from '@octet/tensor/functional';
import { repr, whole } from '../arguments';
import { Module } from '../module';
import { Parameter } from '../parameter';
import { resetLinearLike } from '../reset-linear-like';

/** A size along each dim that a window slides over. */
export type Sizes = readonly [length: number] | readonly [height: number, width: number];

/** A size as the user gives it: one number for all dims, or a list. */
export type SizeOf<S extends Sizes> = number | S;

export interface ConvOptions<S extends Sizes> {
  stride?: SizeOf<S>;
  padding?: SizeOf<S>;
  dilation?: SizeOf<S>;
  groups?: number;
  bias?: boolean;
}

/** What all convolutions have: PyTorch's `_ConvNd`. `S` is `[length]` or `[height, width]`. */
export abstract class ConvNd<S extends Sizes = Sizes> extends Module {
  static override readonly name: string = 'ConvNd';

  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: S;
  readonly stride: S;
  readonly padding: S;
  readonly dilation: S;
  readonly groups: number;
  abstract weight: Parameter;
  abstract bias: Parameter | undefined;

  /** `rank` is how many dims the kernel has. */
  constructor(
    op: string,
    rank: 1 | 2,
    inChannels: number,
    outChannels: number,
    kernelSize: SizeOf<S>,
    { stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions<S>,
  ) {
    super();
    const sizes = (name: string, value: number | Sizes, min = 1) =>
      (rank === 2
        ? requirePair(op, name, value as never, min)
        : [requireSingle(op, name, value as never, min)]) as unknown as S;
    this.inChannels = whole(op, 'inChannels', inChannels);
    this.outChannels = whole(op, 'outChannels', outChannels);
    this.kernelSize = sizes('kernelSize', kernelSize);
    this.stride = sizes('stride', stride);
    this.padding = sizes('padding', padding, 0);
    this.dilation = sizes('dilation', dilation);
    this.groups = whole(op, 'groups', groups);
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new ArgumentError({
        op,
        expected: 'inChannels and outChannels to be multiples of groups',
        found: `${inChannels} and ${outChannels} with groups ${groups}`,
        fix: 'A depthwise convolution has groups = inChannels.',
      });
    }
  }

  resetParameters(): void {
    resetLinearLike(this.weight, this.bias);
  }

  abstract override forward(x: Tensor): Tensor;

  /** Multiplications for one call. */
  abstract macs(input: readonly number[], output: readonly number[]): number;

  override extraRepr(): string {
    const { kernelSize, stride, padding, dilation, groups, bias } = this;
    const rest = {
      kernelSize,
      stride,
      padding: padding.every((p) => p === 0) ? undefined : padding,
      dilation: numel(dilation) === 1 ? undefined : dilation,
      groups: groups === 1 ? undefined : groups,
      bias: bias ? undefined : false,
    };
    return `${this.inChannels}, ${this.outChannels}, ${repr(rest)}`;
  }
}

/** Weight and bias of zeros. @throws ArgumentError unless `bias` is true or false */
export function emptyWeights(
  op: string,
  weightShape: readonly number[],
  outChannels: number,
  bias: boolean,
): { weight: Parameter; bias: Parameter | undefined } {
  return {
    weight: new Parameter(zeros([...weightShape])),
    bias: requireFlag(op, 'bias', bias) ? new Parameter(zeros([outChannels])) : undefined,
  };
}
