import type { Tensor } from '@octet/tensor/functional';

/** What a max pool gives: with `returnIndices` the places of the maxima, too. */
export type Pooled<Indices extends boolean> = Indices extends true ? [y: Tensor, indices: Tensor] : Tensor;
