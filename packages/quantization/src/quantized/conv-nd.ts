import type { Clamp } from '@octet/backend';
import type { ConvNd, ConvTranspose1d, ConvTranspose2d } from '@octet/nn/modules';
import { numel, type Tensor } from '@octet/tensor/functional';
import type { OutputQparams } from '../functional/int8';
import { QuantizedWeightAndOutput } from './weighted';

/** What an int8 convolution takes over of a float one. */
export type Geometry<C extends AnyConv> = Pick<
  C,
  'inChannels' | 'outChannels' | 'kernelSize' | 'stride' | 'padding' | 'paddingMode' | 'dilation' | 'groups'
>;

// biome-ignore lint/suspicious/noExplicitAny: of any sizes
type AnyConv = ConvNd<any>;

/** What all int8 convolutions have. `C` is the float layer. */
export abstract class QuantizedConvNd<C extends AnyConv> extends QuantizedWeightAndOutput {
  static override readonly name: string = 'QuantizedConvNd';

  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: C['kernelSize'];
  readonly stride: C['stride'];
  readonly padding: C['padding'];
  readonly paddingMode: C['paddingMode'];
  readonly dilation: C['dilation'];
  readonly groups: number;

  /** `like` gives the geometry; weight [O, C/groups, …] qint8, bias float32 [O]. */
  constructor(
    like: Geometry<C>,
    weight: Tensor,
    bias: Tensor | undefined,
    output: OutputQparams,
    transposed?: number,
  ) {
    super(weight, bias, output, transposed);
    this.inChannels = like.inChannels;
    this.outChannels = like.outChannels;
    this.kernelSize = like.kernelSize;
    this.stride = like.stride;
    this.padding = like.padding;
    this.paddingMode = like.paddingMode;
    this.dilation = like.dilation;
    this.groups = like.groups;
  }

  /** The bounds of the output, in real numbers. */
  protected get clamp(): Clamp | undefined {
    return undefined;
  }

  /** What the operation is told beside the tensors. */
  protected get options() {
    const { stride, padding, dilation, groups, scale, zeroPoint, clamp } = this;
    return { stride, padding, dilation, groups, scale, zeroPoint, clamp };
  }

  /** Multiplications for one call. */
  macs(_input: readonly number[], output: readonly number[]): number {
    return numel(output) * (this.inChannels / this.groups) * numel(this.kernelSize);
  }

  override extraRepr(): string {
    const { inChannels, outChannels, kernelSize, stride, padding, paddingMode, groups } = this;
    const around = typeof padding === 'string' ? padding : `[${padding}]`;
    const mode = paddingMode === 'zeros' ? '' : `, paddingMode=${paddingMode}`;
    const more = groups === 1 ? '' : `, groups=${groups}`;
    return `${inChannels}, ${outChannels}, kernelSize=[${kernelSize}], stride=[${stride}], padding=${around}${mode}${more}, ${super.extraRepr()}`;
  }
}

/** What int8 transposed convolutions have beside. */
export abstract class QuantizedConvTransposeNd<
  C extends ConvTranspose1d | ConvTranspose2d,
> extends QuantizedConvNd<C> {
  static override readonly name: string = 'QuantizedConvTransposeNd';

  readonly outputPadding: C['outputPadding'];

  /** `like` gives the geometry; weight [C, O/groups, …] qint8 with one scale, bias float32 [O]. */
  constructor(
    like: Geometry<C> & Pick<C, 'outputPadding'>,
    weight: Tensor,
    bias: Tensor | undefined,
    output: OutputQparams,
  ) {
    super(like, weight, bias, output, like.groups);
    this.outputPadding = like.outputPadding;
  }

  override macs(input: readonly number[]): number {
    return numel(input) * (this.outChannels / this.groups) * numel(this.kernelSize);
  }
}
