import { Buffer, Module } from '@octet/nn/modules';
import type { Tensor } from '@octet/tensor/functional';
import type { GroupedWeight } from '../functional/grouped-integers';

/** A layer with a weight [rows, columns] of integers in groups: the buffers `weight`, `scale` and, where they aren't the middle, `zeroPoint`. */
export abstract class GroupedIntegersModule extends Module {
  static override readonly name: string = 'GroupedIntegersModule';

  readonly bits: 4 | 8;
  readonly groupSize: number;
  weight: Buffer;
  scale: Buffer;
  zeroPoint: Buffer | undefined;

  constructor(
    { bits, groupSize, weight, scale, zeroPoint }: GroupedWeight,
    protected readonly columns: number,
  ) {
    super();
    this.bits = bits;
    this.groupSize = groupSize;
    this.weight = new Buffer(weight);
    this.scale = new Buffer(scale);
    this.zeroPoint = zeroPoint && new Buffer(zeroPoint);
    this.training = false;
  }

  protected get grouped(): GroupedWeight {
    const { bits, groupSize, columns, weight, scale, zeroPoint } = this;
    return { bits, groupSize, columns, weight, scale, zeroPoint };
  }

  /** Beside the weight. */
  protected get others(): readonly (Tensor | undefined)[] {
    return [this.scale, this.zeroPoint];
  }

  /** For `summary`: how many numbers the layer learned. */
  get parameterCount(): number {
    return this.weight.shape[0] * this.columns;
  }

  get parameterBytes(): number {
    return [this.weight, ...this.others].reduce((sum, t) => sum + (t?.nbytes ?? 0), 0);
  }

  override extraRepr(): string {
    return `bits=${this.bits}, groupSize=${this.groupSize}`;
  }
}
