import { Buffer, type Linear, Module } from '@octet/nn';
import { numel, type Tensor } from '@octet/tensor';
import { dynamicLinear } from '../functional/linear';
import { PackedWeight } from '../functional/packed-weight';

/** A linear layer with int8 weights that quantizes its float input at every call, by that input's own range. */
export class DynamicQuantizedLinear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  weight: Buffer;
  bias: Buffer | undefined;
  private packedWeight: PackedWeight | undefined = undefined;

  /** weight [outFeatures, inFeatures] qint8, bias float32 [outFeatures]. */
  constructor(like: Linear, weight: Tensor) {
    super();
    this.inFeatures = like.inFeatures;
    this.outFeatures = like.outFeatures;
    this.weight = new Buffer(weight);
    this.bias = like.bias && new Buffer(like.bias);
    this.training = false;
  }

  override forward(x: Tensor): Tensor {
    this.packedWeight ??= new PackedWeight('dynamic.Linear', this.weight, this.bias);
    return dynamicLinear(x, this.packedWeight);
  }

  protected override tensorsChanged(): void {
    this.packedWeight?.cache.clear();
    this.packedWeight = undefined;
  }

  /** Multiplications for one call. */
  macs(_input: readonly number[], output: readonly number[]): number {
    return numel(output) * this.inFeatures;
  }

  override extraRepr(): string {
    return `inFeatures=${this.inFeatures}, outFeatures=${this.outFeatures}, dtype=qint8`;
  }
}
