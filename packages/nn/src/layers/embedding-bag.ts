import { ArgumentError, checkOptions, requireFlag, requireOneOf, ShapeError } from '@octet/backend';
import {
  amax,
  embedding,
  formatShape,
  kernel,
  mean,
  mul,
  sameShape,
  slice,
  stack,
  sum,
  type Tensor,
  tidy,
  unsqueeze,
  zeros,
} from '@octet/tensor/functional';
import { repr, requireInteger } from '../arguments';
import { normal_ } from '../init';
import { Module } from '../module';
import { Parameter } from '../parameter';

export type BagMode = 'sum' | 'mean' | 'max';

export interface EmbeddingBagOptions {
  /** What becomes of the rows of a bag. Default: 'mean'. */
  mode?: BagMode;
  /** Whether the last offset is the end, and no bag of its own. Default: false. */
  includeLastOffset?: boolean;
}

/**
 * Looks up the rows of bags of indices and makes one of each: indices [N, L] (int32), bags of one length, or [n] with
 * offsets [N] (int32), where each bag begins → [N, embeddingDim], the sum, mean or maximum of the rows. An empty bag gives zeros.
 * `perSampleWeights`, of the shape of the indices, multiply the rows of sums. `weight` is [numEmbeddings, embeddingDim] and starts standard
 * normal.
 */
export class EmbeddingBag extends Module<[index: Tensor, offsets?: Tensor, perSampleWeights?: Tensor]> {
  static override readonly name: string = 'EmbeddingBag';
  static readonly pure = true;

  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly mode: BagMode;
  readonly includeLastOffset: boolean;
  weight: Parameter;

  /** @throws ArgumentError if a size is no whole number, or for an unknown mode */
  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingBagOptions = {}) {
    super();
    const { mode = 'mean', includeLastOffset = false } = checkOptions(
      'EmbeddingBag',
      options,
      'mode includeLastOffset',
    );
    requireOneOf('EmbeddingBag', 'mode', mode, ['sum', 'mean', 'max']);
    this.numEmbeddings = requireInteger('EmbeddingBag', 'numEmbeddings', numEmbeddings);
    this.embeddingDim = requireInteger('EmbeddingBag', 'embeddingDim', embeddingDim);
    this.mode = mode;
    this.includeLastOffset = requireFlag('EmbeddingBag', 'includeLastOffset', includeLastOffset);
    this.weight = new Parameter(zeros([numEmbeddings, embeddingDim]));
    this.resetParameters();
  }

  resetParameters(): void {
    normal_(this.weight);
  }

  /** The rows of indices of any shape. */
  protected rows(index: Tensor): Tensor {
    return embedding(index, this.weight);
  }

  /**
   * @throws ShapeError unless indices, offsets and weights fit
   * @throws ArgumentError for offsets that don't go up from 0, and weights of another mode than 'sum'
   * @throws BackendError for offsets that can't be read at once: bags of one length need none
   */
  forward(index: Tensor, offsets?: Tensor, perSampleWeights?: Tensor): Tensor {
    kernel.requireTensor('EmbeddingBag', ...kernel.present(index, offsets, perSampleWeights));
    const dims = index.shape.length;
    if (dims !== (offsets ? 1 : 2) || (perSampleWeights && !sameShape(perSampleWeights.shape, index.shape))) {
      throw new ShapeError({
        op: 'EmbeddingBag',
        expected: 'indices [N, L], or [n] and offsets [N]; weights of the shape of the indices',
        found: kernel
          .present(index, offsets, perSampleWeights)
          .map((t) => formatShape(t.shape))
          .join(', '),
        fix: 'Bags of several lengths need offsets, those of one length must have none.',
      });
    }
    if (perSampleWeights && this.mode !== 'sum') {
      throw new ArgumentError({
        op: 'EmbeddingBag',
        expected: "mode 'sum' for weights of samples",
        found: this.mode,
        fix: 'Divide the weights by the length of their bag for a mean.',
      });
    }
    const bounds = offsets && this.boundsOf(offsets, index.numel);
    return tidy(() => {
      const found = this.rows(index);
      const rows = perSampleWeights ? mul(found, unsqueeze(perSampleWeights, -1)) : found;
      if (!bounds) return this.reduced(rows, 1);
      const { backend, dtype } = found;
      const nothing = { backend, dtype: dtype as 'float32' };
      const bags = bounds.slice(1).map((end, i) => {
        const bag = slice(rows, 0, bounds[i], end);
        return end > bounds[i] ? this.reduced(bag, 0) : zeros([this.embeddingDim], nothing);
      });
      return bags.length > 0 ? stack(bags, 0) : zeros([0, this.embeddingDim], nothing);
    });
  }

  private reduced(rows: Tensor, dim: number): Tensor {
    if (rows.shape[dim] === 0) return sum(rows, dim);
    return this.mode === 'sum' ? sum(rows, dim) : this.mode === 'mean' ? mean(rows, dim) : amax(rows, dim);
  }

  /** Where bags begin, and the last one's end. */
  private boundsOf(offsets: Tensor, n: number): number[] {
    const starts = Array.from(offsets.dataSync());
    const bounds = this.includeLastOffset ? starts : [...starts, n];
    const rising = bounds.every(
      (v, i) => Number.isInteger(v) && v >= (i === 0 ? 0 : bounds[i - 1]) && v <= n,
    );
    if (offsets.shape.length === 1 && rising && (bounds[0] ?? 0) === 0) return bounds;
    throw new ArgumentError({
      op: 'EmbeddingBag',
      expected: `offsets [N] that go up from 0 to ${n} at most`,
      found: `${offsets}`,
      fix: 'An offset is the place of a bag’s first index among all.',
    });
  }

  override extraRepr(): string {
    const { numEmbeddings, embeddingDim, mode } = this;
    return `${numEmbeddings}, ${embeddingDim}, ${repr({ mode })}`;
  }
}
