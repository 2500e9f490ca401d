/** Modules that compare two tensors. */
import { checkOptions } from '@octet/backend';
import {
  type CosineSimilarityOptions,
  cosineSimilarity,
  type PairwiseDistanceOptions,
  pairwiseDistance,
  type Tensor,
} from '@octet/tensor/functional';
import { repr } from '../arguments';
import { Module } from '../module';

/** Σ a · b / (max(|a|, eps) · max(|b|, eps)) over one dim: the shape that a and b broadcast to, without that dim. */
export class CosineSimilarity extends Module<[a: Tensor, b: Tensor], Tensor> {
  static override readonly name: string = 'CosineSimilarity';

  readonly dim: number;
  readonly eps: number;

  constructor(options?: CosineSimilarityOptions) {
    super();
    const { dim = 1, eps = 1e-8 } = checkOptions('CosineSimilarity', options, 'dim eps');
    this.dim = dim;
    this.eps = eps;
  }

  forward(a: Tensor, b: Tensor): Tensor {
    const { dim, eps } = this;
    return cosineSimilarity(a, b, { dim, eps });
  }

  override extraRepr(): string {
    return repr({ dim: this.dim, eps: this.eps });
  }
}

/** (Σ |a - b + eps|ᵖ)^(1/p) over the last dim: the shape that a and b broadcast to, without that dim. */
export class PairwiseDistance extends Module<[a: Tensor, b: Tensor], Tensor> {
  static override readonly name: string = 'PairwiseDistance';

  readonly p: number;
  readonly eps: number;
  readonly keepDim: boolean;

  constructor(options?: PairwiseDistanceOptions) {
    super();
    const { p = 2, eps = 1e-6, keepDim = false } = checkOptions('PairwiseDistance', options, 'p eps keepDim');
    this.p = p;
    this.eps = eps;
    this.keepDim = keepDim;
  }

  forward(a: Tensor, b: Tensor): Tensor {
    const { p, eps, keepDim } = this;
    return pairwiseDistance(a, b, { p, eps, keepDim });
  }

  override extraRepr(): string {
    return repr({ p: this.p, eps: this.eps, keepDim: this.keepDim });
  }
}
