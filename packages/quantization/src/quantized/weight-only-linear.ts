import { Buffer, type Linear } from '@octet/nn/modules';
import { numel, type Tensor } from '@octet/tensor/functional';
import { floatLinear } from '../float-layers';
import { dequantizeGroups, type GroupedWeight, weightOnlyLinear } from '../functional/grouped-integers';
import { GroupedIntegersModule } from './grouped';

/**
 * A linear layer whose weight has 8 or 4 bits and whose products are in float: x [..., inFeatures] float32 → [..., outFeatures]. For models
 * that wait for their weights, as language models do that make one token at a time.
 */
export class WeightOnlyLinear extends GroupedIntegersModule {
  static override readonly name: string = 'WeightOnlyLinear';
  static readonly pure = true;

  readonly inFeatures: number;
  readonly outFeatures: number;
  bias: Buffer | undefined;

  /** weight [outFeatures, inFeatures] as `quantizeGroups` makes it, bias float32 [outFeatures]. */
  constructor(weight: GroupedWeight, bias?: Tensor) {
    super(weight, weight.columns);
    this.inFeatures = weight.columns;
    [this.outFeatures] = weight.weight.shape;
    this.bias = bias && new Buffer(bias);
  }

  /** Inference only. @throws ShapeError, DTypeError */
  override forward(x: Tensor): Tensor {
    return weightOnlyLinear(x, this.grouped, this.bias);
  }

  /** The linear layer with the integers' numbers as weights. */
  toFloat(): Linear {
    return floatLinear(dequantizeGroups(this.grouped), this.bias, this.training);
  }

  protected override get others(): readonly (Tensor | undefined)[] {
    return [...super.others, this.bias];
  }

  override get parameterCount(): number {
    return super.parameterCount + (this.bias?.numel ?? 0);
  }

  /** Multiplications for one call. */
  macs(_input: readonly number[], output: readonly number[]): number {
    return numel(output) * this.inFeatures;
  }

  override extraRepr(): string {
    return `inFeatures=${this.inFeatures}, outFeatures=${this.outFeatures}, ${super.extraRepr()}`;
  }
}
