import { Buffer, EmbeddingBag, Parameter, skipInit } from '@octet/nn/modules';
import type { Tensor } from '@octet/tensor/functional';
import { dequantizeGroups, type GroupedWeight, quantizedEmbedding } from '../functional/grouped-integers';

/** Bags of rows of a table of 8 or 4 bits: as EmbeddingBag, inference only. */
export class QuantizedEmbeddingBag extends EmbeddingBag {
  static override readonly name: string = 'QuantizedEmbeddingBag';

  readonly bits: 4 | 8;
  readonly groupSize: number;
  scale: Buffer;
  zeroPoint: Buffer | undefined;

  /** weight [numEmbeddings, embeddingDim] as `quantizeGroups` makes it; the mode is `like`'s. */
  constructor(weight: GroupedWeight, like: EmbeddingBag) {
    const { numEmbeddings, embeddingDim, mode, includeLastOffset } = like;
    super(numEmbeddings, embeddingDim, { mode, includeLastOffset });
    this.bits = weight.bits;
    this.groupSize = weight.groupSize;
    (this as { weight: Tensor }).weight = new Buffer(weight.weight);
    this.scale = new Buffer(weight.scale);
    this.zeroPoint = weight.zeroPoint && new Buffer(weight.zeroPoint);
    this.training = false;
  }

  private get grouped(): GroupedWeight {
    const { bits, groupSize, embeddingDim: columns, weight, scale, zeroPoint } = this;
    return { bits, groupSize, columns, weight, scale, zeroPoint };
  }

  protected override rows(index: Tensor): Tensor {
    return quantizedEmbedding(index, this.grouped);
  }

  /** The layer with the integers' numbers as weights. */
  toFloat(): EmbeddingBag {
    const { numEmbeddings, embeddingDim, mode, includeLastOffset } = this;
    const made = skipInit(() => new EmbeddingBag(numEmbeddings, embeddingDim, { mode, includeLastOffset }));
    made.weight = new Parameter(dequantizeGroups(this.grouped));
    return made.train(this.training);
  }

  /** For `summary`. */
  get parameterCount(): number {
    return this.numEmbeddings * this.embeddingDim;
  }

  get parameterBytes(): number {
    return this.weight.nbytes + this.scale.nbytes + (this.zeroPoint?.nbytes ?? 0);
  }

  override extraRepr(): string {
    return `${super.extraRepr()}, bits=${this.bits}`;
  }
}
