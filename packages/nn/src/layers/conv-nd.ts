import {
  ArgumentError,
  requireFlag,
  requireList,
  requireOneOf,
  requirePair,
  requireSingle,
} from '@octet/backend';
import {
  numel,
  outputPaddingFor,
  type PaddingMode,
  type PaddingName,
  requireSameStride,
  type Tensor,
  zeros,
} from '@octet/tensor/functional';
import { repr, requireInteger } from '../arguments';
import { Module } from '../module';
import { Parameter } from '../parameter';
import { resetLinearLike } from '../reset-linear-like';

/** A size along each dim that a window slides over. */
export type Sizes = readonly [length: number] | readonly [height: number, width: number];

/** A size as the user gives it: one number for all dims, or a list. */
export type SizeOf<S extends Sizes> = number | S;

export interface ConvOptions<S extends Sizes> {
  stride?: SizeOf<S>;
  /** `'same'`: as much as makes the output as large as the input, of stride 1. `'valid'`: none. */
  padding?: SizeOf<S> | PaddingName;
  /** What the padding is: zeros, or the input mirrored, its edges, or its other end. */
  paddingMode?: PaddingMode;
  dilation?: SizeOf<S>;
  groups?: number;
  bias?: boolean;
}

export interface ConvTransposeOptions<S extends Sizes>
  extends Omit<ConvOptions<S>, 'padding' | 'paddingMode'> {
  padding?: SizeOf<S>;
  /** Rows and columns more at the end of the output: less than the stride or the dilation. */
  outputPadding?: SizeOf<S>;
}

/** The sizes along the dims of a window. @throws ArgumentError unless they are whole numbers of at least `min` */
export function sizesOf<S extends Sizes>(
  op: string,
  rank: 1 | 2,
  name: string,
  value: number | Sizes,
  min: number,
): S {
  const sizes: Sizes =
    rank === 2
      ? requirePair(op, name, value as number, min)
      : [requireSingle(op, name, value as number, min)];
  return sizes as S;
}

/** What all convolutions have: PyTorch's `_ConvNd`. `S` is `[length]` or `[height, width]`. */
export abstract class ConvNd<S extends Sizes = Sizes> extends Module {
  static override readonly name: string = 'ConvNd';

  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: S;
  readonly stride: S;
  readonly padding: S | PaddingName;
  readonly paddingMode: PaddingMode;
  readonly dilation: S;
  readonly groups: number;
  abstract weight: Parameter;
  abstract bias: Parameter | undefined;

  /** `rank` is how many dims the kernel has. @throws ArgumentError for sizes and groups that aren't */
  constructor(
    op: string,
    rank: 1 | 2,
    inChannels: number,
    outChannels: number,
    kernelSize: SizeOf<S>,
    { stride = 1, padding = 0, paddingMode = 'zeros', dilation = 1, groups = 1 }: ConvOptions<S>,
  ) {
    super();
    const sizes = (name: string, value: number | Sizes, min = 1) => sizesOf<S>(op, rank, name, value, min);
    this.inChannels = requireInteger(op, 'inChannels', inChannels);
    this.outChannels = requireInteger(op, 'outChannels', outChannels);
    this.kernelSize = sizes('kernelSize', kernelSize);
    this.stride = sizes('stride', stride);
    this.padding = typeof padding === 'string' ? padding : sizes('padding', padding, 0);
    requireOneOf(op, 'padding', typeof padding === 'string' ? padding : 'valid', ['same', 'valid']);
    if (padding === 'same') requireSameStride(op, this.stride);
    this.paddingMode = paddingMode;
    requireOneOf(op, 'paddingMode', paddingMode, ['zeros', 'reflect', 'replicate', 'circular']);
    this.dilation = sizes('dilation', dilation);
    this.groups = requireInteger(op, 'groups', groups);
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

  /** What else is printed. */
  protected moreRepr(): Readonly<Record<string, unknown>> {
    return {};
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding, paddingMode, dilation, groups, bias } = this;
    const none = typeof padding !== 'string' && padding.every((p) => p === 0);
    const rest = {
      kernelSize,
      stride,
      padding: none ? undefined : padding,
      paddingMode: paddingMode === 'zeros' ? undefined : paddingMode,
      dilation: numel(dilation) === 1 ? undefined : dilation,
      groups: groups === 1 ? undefined : groups,
      bias: bias ? undefined : false,
      ...this.moreRepr(),
    };
    return `${this.inChannels}, ${this.outChannels}, ${repr(rest)}`;
  }
}

/** What all transposed convolutions have: PyTorch's `_ConvTransposeNd`. */
export abstract class ConvTransposeNd<S extends Sizes = Sizes> extends ConvNd<S> {
  static override readonly name: string = 'ConvTransposeNd';

  declare readonly padding: S;

  /** Rows and columns more at the end of the output. */
  readonly outputPadding: S;

  constructor(
    op: string,
    rank: 1 | 2,
    inChannels: number,
    outChannels: number,
    kernelSize: SizeOf<S>,
    { outputPadding = 0, padding = 0, ...options }: ConvTransposeOptions<S>,
  ) {
    const inNumbers = sizesOf<S>(op, rank, 'padding', padding, 0);
    super(op, rank, inChannels, outChannels, kernelSize, { ...options, padding: inNumbers });
    this.outputPadding = sizesOf<S>(op, rank, 'outputPadding', outputPadding, 0);
  }

  /** `outputSize` is for `forward`. */
  override call(x: Tensor, outputSize?: readonly number[]): Tensor {
    const args = outputSize === undefined ? [x] : [x, outputSize];
    return super.call(...(args as [Tensor]));
  }

  /** What the function is told beside the tensors, for an output of this size, if one is given. */
  protected optionsFor(x: Tensor, outputSize: readonly number[] | undefined) {
    const { stride, padding, dilation, groups, kernelSize } = this;
    const outputPadding =
      outputSize === undefined
        ? this.outputPadding
        : (outputPaddingFor(
            (this.constructor as typeof ConvTransposeNd).name,
            x,
            kernelSize,
            requireList('forward', 'outputSize', outputSize),
            this,
          ) as unknown as S);
    return { stride, padding, outputPadding, dilation, groups };
  }

  macs(input: readonly number[], _output: readonly number[]): number {
    return numel(input) * (this.outChannels / this.groups) * numel(this.kernelSize);
  }

  protected override moreRepr(): Readonly<Record<string, unknown>> {
    const { outputPadding } = this;
    return { outputPadding: outputPadding.every((p) => p === 0) ? undefined : outputPadding };
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
