import { ArgumentError, checkOptions } from '@octet/backend';
import { type AnyModule, Conv1d, Conv2d } from '@octet/nn/modules';
import { dequantize, numel, type Tensor } from '@octet/tensor/functional';
import { type Conv, floatConv, floatConv1d } from '../float-layers';
import { dynamicConv } from '../functional/dynamic-conv';
import type { DynamicOptions } from '../functional/linear';
import { QuantizedWeight } from '../quantized/weighted';

/** Whether a layer is a convolution that has a dynamic form: Conv1d or Conv2d itself, not a subclass. */
export function isDynamicConv(layer: AnyModule): boolean {
  return layer.constructor === Conv1d || layer.constructor === Conv2d;
}

/** What dynamic convolutions of one and of two dims have. */
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

  /** weight [O, C / groups, …] qint8; geometry and bias are `like`'s. @throws ArgumentError unless `like` is a Conv1d or Conv2d */
  constructor(like: C, weight: Tensor, options?: DynamicOptions) {
    const op = new.target.name;
    const { reduceRange = false } = checkOptions(op, options, 'reduceRange');
    if (!isDynamicConv(like)) {
      throw new ArgumentError({
        op,
        expected: 'a Conv1d or Conv2d',
        found: like.constructor.name,
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

  protected get options() {
    const { stride, padding, paddingMode, dilation, groups, reduceRange } = this;
    return { stride, padding, paddingMode, dilation, groups, reduceRange };
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
    const range = this.reduceRange ? ', reduceRange=true' : '';
    return `${inChannels}, ${outChannels}, kernelSize=[${kernelSize}], stride=[${stride}], padding=${around}${mode}${more}, dtype=qint8${range}`;
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
    return dynamicConv('dynamic.Conv1d', 1, x, this.packed, this.options);
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
    return dynamicConv('dynamic.Conv2d', 2, x, this.packed, this.options);
  }

  /** The convolution with the integers' numbers as weights. */
  toFloat(): Conv2d {
    return floatConv(this, dequantize(this.weight), this.bias);
  }
}
