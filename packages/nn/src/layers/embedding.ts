import { ArgumentError, checkOptions } from '@octet/backend';
import { embedding, select, type Tensor, zeros } from '@octet/tensor/functional';
import { repr, requireInteger } from '../arguments';
import { normal_ } from '../init';
import { Module } from '../module';
import { Parameter } from '../parameter';

export interface EmbeddingOptions {
  /** The row that stands for padding: it starts as zeros and doesn't learn. Negative ones count from the end. */
  paddingIdx?: number;
}

/**
 * Looks up rows: indices [...] (int32) → [..., embeddingDim]. `weight` is [numEmbeddings, embeddingDim] and starts
 * standard normal. @throws ArgumentError if a size is no whole number or paddingIdx is out of range
 */
export class Embedding extends Module {
  static override readonly name: string = 'Embedding';
  static readonly pure = true;

  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly paddingIdx: number | undefined;
  weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingOptions = {}) {
    super();
    const { paddingIdx } = checkOptions('Embedding', options, 'paddingIdx');
    this.numEmbeddings = requireInteger('Embedding', 'numEmbeddings', numEmbeddings);
    this.embeddingDim = requireInteger('Embedding', 'embeddingDim', embeddingDim);
    const known = paddingIdx ?? 0;
    if (!(Number.isInteger(known) && known >= -numEmbeddings && known < numEmbeddings)) {
      throw new ArgumentError({
        op: 'Embedding',
        expected: `a paddingIdx from ${-numEmbeddings} to ${numEmbeddings - 1}`,
        found: String(paddingIdx),
        fix: 'It is the index of a row.',
      });
    }
    this.paddingIdx = paddingIdx !== undefined && paddingIdx < 0 ? paddingIdx + numEmbeddings : paddingIdx;
    this.weight = new Parameter(zeros([numEmbeddings, embeddingDim]));
    this.resetParameters();
  }

  resetParameters(): void {
    normal_(this.weight);
    if (this.paddingIdx !== undefined) select(this.weight.detach(), 0, this.paddingIdx).fill_(0);
  }

  forward(index: Tensor): Tensor {
    return embedding(index, this.weight, { paddingIdx: this.paddingIdx });
  }

  override extraRepr(): string {
    const { numEmbeddings, embeddingDim, paddingIdx } = this;
    return [`${numEmbeddings}, ${embeddingDim}`, repr({ paddingIdx })].filter(Boolean).join(', ');
  }
}
