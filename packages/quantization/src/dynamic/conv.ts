import { ArgumentError, checkOptions, type Pair } from '@octet/backend';
import { type AnyModule, Conv1d, Conv2d } from '@octet/nn/modules';
import {
  dequantize,
  kernel,
  numel,
  reshape,
  type Tensor,
  tidy,
  transpose,
  unfold,
} from '@octet/tensor/functional';
import { type Conv, floatConv, floatConv1d } from '../float-layers';
import { type DynamicOptions, dynamicLinear } from '../functional/linear';
import { PackedWeight } from '../functional/packed-weight';
import { QuantizedWeight } from '../quantized/weighted';

const { contiguous, requireRank, view } = kernel;

/** Whether a convolution has a dynamic form: one group, and zeros around the image, as many on both sides. */
export function isDynamicConv(layer: AnyModule): boolean {
  const isConv = layer.constructor === Conv1d || layer.constructor === Conv2d;
  const { groups, paddingMode, padding } = layer as Conv;
  return isConv && groups === 1 && paddingMode === 'zeros' && typeof padding !== 'string';
}

/** What dynamic convolutions of one and of two dims have: windows are rows of a product of matrices. */
abstract class DynamicQuantizedConvNd<C extends Conv> extends QuantizedWeight {
  static override readonly name: string = 'DynamicQuantizedConvNd';

  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: C['kernelSize'];
  readonly stride: C['stride'];
  readonly padding: C['padding'];
  readonly paddingMode: C['paddingMode'];
  readonly dilation: C['dilation'];
  readonly groups: number;
  readonly reduceRange: boolean;
  private matrix: PackedWeight | undefined = undefined;

  /** weight [O, C, …] qint8; geometry and bias are `like`'s. @throws ArgumentError for groups, and for paddings that aren't numbers of zeros */
  constructor(like: C, weight: Tensor, options?: DynamicOptions) {
    const op = new.target.name;
    const { reduceRange = false } = checkOptions(op, options, 'reduceRange');
    if (!isDynamicConv(like)) {
      throw new ArgumentError({
        op,
        expected: 'a convolution of one group, with zeros around its images',
        found: `groups ${like.groups}, padding ${like.padding}, paddingMode ${like.paddingMode}`,
        fix: 'Leave it in float, or give it int8 weights alone (WeightOnly).',
      });
    }
    super(weight, like.bias?.detach());
    this.inChannels = like.inChannels;
    this.outChannels = like.outChannels;
    this.kernelSize = like.kernelSize;
    this.stride = like.stride;
    this.padding = like.padding;
    this.paddingMode = like.paddingMode;
    this.dilation = like.dilation;
    this.groups = like.groups;
    this.reduceRange = reduceRange;
  }

  /** Each output's weights in a row. */
  private get rows(): PackedWeight {
    if (!this.matrix) {
      const weight = contiguous(this.weight);
      const inner = weight.numel / this.outChannels;
      const { offset } = weight;
      // reshape doesn't know that the channels stay what they are.
      const rows = view(weight, { shape: [this.outChannels, inner], strides: [inner, 1], offset });
      this.matrix = new PackedWeight(this.constructor.name, rows, this.bias);
    }
    return this.matrix;
  }

  protected override tensorsChanged(): void {
    super.tensorsChanged();
    this.matrix?.cache.clear();
    this.matrix = undefined;
  }

  /** x [N, C, H, W] → [N, O, OH, OW], with sizes of two dims. */
  protected products(x: Tensor, kernelSize: Pair, stride: Pair, padding: Pair, dilation: Pair): Tensor {
    const [n, , ...size] = x.shape;
    const windows = size.map(
      (length, d) =>
        Math.floor((length + 2 * padding[d] - dilation[d] * (kernelSize[d] - 1) - 1) / stride[d]) + 1,
    );
    const { rows, reduceRange } = this;
    return tidy(() => {
      // Windows of one place are the image itself.
      const isPoint = numel(kernelSize) * numel(stride) === 1 && numel(windows) === numel(size);
      const columns = isPoint
        ? reshape(x, [n, this.inChannels, numel(size)])
        : unfold(x, kernelSize, { stride, padding, dilation });
      const y = dynamicLinear(transpose(columns, 1, 2), rows, { reduceRange });
      return reshape(transpose(y, 1, 2), [n, this.outChannels, ...windows]);
    });
  }

  /** Multiplications for one call. */
  macs(_input: readonly number[], output: readonly number[]): number {
    return numel(output) * this.inChannels * numel(this.kernelSize);
  }

  override extraRepr(): string {
    const { inChannels, outChannels, kernelSize, stride, padding } = this;
    const range = this.reduceRange ? ', reduceRange=true' : '';
    return `${inChannels}, ${outChannels}, kernelSize=[${kernelSize}], stride=[${stride}], padding=[${padding}], dtype=qint8${range}`;
  }
}

/**
 * A convolution with int8 weights that quantizes its float input at every call, by that input's own range, and gives floats: x [N, C, L] →
 * [N, O, OL]. Inference only.
 */
export class DynamicQuantizedConv1d extends DynamicQuantizedConvNd<Conv1d> {
  static override readonly name: string = 'DynamicQuantizedConv1d';
  static readonly pure = true;

  /** @throws ShapeError, and DTypeError unless x is float32 */
  override forward(x: Tensor): Tensor {
    const [k, s, p, d] = [this.kernelSize, this.stride, this.padding, this.dilation] as [number][];
    requireRank('dynamic.Conv1d', 'x', x, 3);
    const [n, c, length] = x.shape;
    const y = this.products(reshape(x, [n, c, 1, length]), [1, ...k], [1, ...s], [0, ...p], [1, ...d]);
    return reshape(y, [n, this.outChannels, y.shape[3]]);
  }

  /** The convolution with the integers' numbers as weights. */
  toFloat(): Conv1d {
    return floatConv1d(this, dequantize(this.weight), this.bias);
  }
}

/** As `DynamicQuantizedConv1d`: x [N, C, H, W] → [N, O, OH, OW]. */
export class DynamicQuantizedConv2d extends DynamicQuantizedConvNd<Conv2d> {
  static override readonly name: string = 'DynamicQuantizedConv2d';
  static readonly pure = true;

  /** @throws ShapeError, and DTypeError unless x is float32 */
  override forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, dilation } = this;
    return this.products(x, kernelSize, stride, padding as Pair, dilation);
  }

  /** The convolution with the integers' numbers as weights. */
  toFloat(): Conv2d {
    return floatConv(this, dequantize(this.weight), this.bias);
  }
}
