import { Embedding, Parameter, skipInit } from '@octet/nn/modules';
import type { Tensor } from '@octet/tensor/functional';
import { dequantizeGroups, type GroupedWeight, quantizedEmbedding } from '../functional/grouped-integers';
import { GroupedIntegersModule } from './grouped';

/** Rows of a table of 8 or 4 bits: indices [...] (int32) → [..., embeddingDim] float32. */
export class QuantizedEmbedding extends GroupedIntegersModule {
  static override readonly name: string = 'QuantizedEmbedding';
  static readonly pure = true;

  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  /** It counts in training alone. */
  readonly paddingIdx: number | undefined;

  /** weight [numEmbeddings, embeddingDim] as `quantizeGroups` makes it */
  constructor(weight: GroupedWeight, paddingIdx?: number) {
    super(weight, weight.columns);
    [this.numEmbeddings] = weight.weight.shape;
    this.embeddingDim = weight.columns;
    this.paddingIdx = paddingIdx;
  }

  /** Inference only. @throws DTypeError; ArgumentError for an index that is no row, where they can be read at once */
  override forward(index: Tensor): Tensor {
    return quantizedEmbedding(index, this.grouped);
  }

  /** The layer with the integers' numbers as weights. */
  toFloat(): Embedding {
    const { numEmbeddings, embeddingDim, paddingIdx } = this;
    const options = paddingIdx === undefined ? {} : { paddingIdx };
    const made = skipInit(() => new Embedding(numEmbeddings, embeddingDim, options));
    made.weight = new Parameter(dequantizeGroups(this.grouped));
    return made.train(this.training);
  }

  override extraRepr(): string {
    return `${this.numEmbeddings}, ${this.embeddingDim}, ${super.extraRepr()}`;
  }
}
