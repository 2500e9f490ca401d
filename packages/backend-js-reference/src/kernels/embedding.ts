import { checkIndices } from '@octet/backend';
import { floats, ints, type RefKernel, size } from '../kernel';

/**
 * weight [v,d], index [n] → y [n,d] = weight[index]
 *
 * @throws ArgumentError for an index that is no row of weight
 */
export const embedding: RefKernel<'embedding'> = (t) => {
  const weight = floats(t.weight);
  const index = ints(t.index);
  const y = floats(t.y);
  const [n, d] = t.y.shape;
  checkIndices('embedding', 'indices', index, n, t.weight.shape[0]);
  for (let i = 0; i < n; i++) y.set(weight.subarray(index[i] * d, (index[i] + 1) * d), i * d);
};

/** gradWeight [v,d]: each row the sum of the gradY that used it; the row paddingIdx gets nothing */
export const embeddingBackward: RefKernel<'embeddingBackward'> = (t, { paddingIdx }) => {
  const index = ints(t.index);
  const gradY = floats(t.gradY);
  const gradWeight = floats(t.gradWeight);
  const [n, d] = t.gradY.shape;
  gradWeight.fill(0, 0, size(t.gradWeight));
  for (let i = 0; i < n; i++) {
    if (index[i] === paddingIdx) continue;
    for (let j = 0; j < d; j++) gradWeight[index[i] * d + j] += gradY[i * d + j];
  }
};
