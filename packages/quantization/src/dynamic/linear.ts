import { checkOptions } from '@octet/backend';
import type { Linear, StateLoader } from '@octet/nn/modules';
import { dequantize, numel, type Tensor } from '@octet/tensor/functional';
import { floatLinear } from '../float-layers';
import { type DynamicOptions, dynamicLinear } from '../functional/linear';
import { numbersOf, one } from '../loaded';
import { QuantizedWeight } from '../quantized/weighted';

/** A linear layer with int8 weights that quantizes its float input at every call, by that input's own range. */
export class DynamicQuantizedLinear extends QuantizedWeight {
  static override readonly name: string = 'DynamicQuantizedLinear';
  static readonly pure = true;

  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly reduceRange: boolean;

  /** weight [outFeatures, inFeatures] qint8; the bias is `like`'s. */
  constructor(like: Linear, weight: Tensor, options?: DynamicOptions) {
    const { reduceRange = false } = checkOptions('dynamic.Linear', options, 'reduceRange');
    super(weight, like.bias?.detach());
    this.inFeatures = like.inFeatures;
    this.outFeatures = like.outFeatures;
    this.reduceRange = reduceRange;
  }

  /** PyTorch's saves a scale and a zero point that it doesn't use. */
  protected override loadState(load: StateLoader): void {
    super.loadState(load);
    numbersOf(
      load,
      'scale',
      '1, which is unused',
      one((s) => s === 1),
    );
    numbersOf(
      load,
      'zero_point',
      '0, which is unused',
      one((z) => z === 0),
    );
  }

  override forward(x: Tensor): Tensor {
    return dynamicLinear(x, this.packed, { reduceRange: this.reduceRange });
  }

  /** The linear layer with the integers' numbers as weights. */
  toFloat(): Linear {
    return floatLinear(dequantize(this.weight), this.bias, this.training);
  }

  /** Multiplications for one call. */
  macs(_input: readonly number[], output: readonly number[]): number {
    return numel(output) * this.inFeatures;
  }

  override extraRepr(): string {
    const range = this.reduceRange ? ', reduceRange=true' : '';
    return `inFeatures=${this.inFeatures}, outFeatures=${this.outFeatures}, dtype=qint8${range}`;
  }
}
