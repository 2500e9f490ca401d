import { checkIndices } from '@octet/backend';
import { floats, ints, type RefKernel, size } from '../kernel';

/**
 * logProbs [o,n,i], target [o,i], weight [n]? → w [o,i] = weight[target] (1 where absent), y [o,i] = -w · logProbs at the
 * target; both 0 where target = ignoreIndex
 *
 * @throws ArgumentError for a target that is neither a class nor ignoreIndex
 */
export const nllLoss: RefKernel<'nllLoss'> = (t, { ignoreIndex }) => {
  const logProbs = floats(t.logProbs);
  const target = ints(t.target);
  const weight = t.weight && floats(t.weight);
  const y = floats(t.y);
  const w = floats(t.w);
  const [outer, n, inner] = t.logProbs.shape;
  checkIndices('nllLoss', 'class labels', target, outer * inner, n, ignoreIndex);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const at = o * inner + i;
      const label = target[at];
      if (label === ignoreIndex) {
        y[at] = 0;
        w[at] = 0;
      } else {
        w[at] = weight ? weight[label] : 1;
        y[at] = -w[at] * logProbs[(o * n + label) * inner + i];
      }
    }
  }
};

/** gradX [o,n,i] = -w · gradY at the target, 0 elsewhere */
export const nllLossBackward: RefKernel<'nllLossBackward'> = (t, { ignoreIndex }) => {
  const gradY = floats(t.gradY);
  const target = ints(t.target);
  const w = floats(t.w);
  const gradX = floats(t.gradX);
  const [outer, n, inner] = t.gradX.shape;
  gradX.fill(0, 0, size(t.gradX));
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const at = o * inner + i;
      if (target[at] !== ignoreIndex) gradX[(o * n + target[at]) * inner + i] = -w[at] * gradY[at];
    }
  }
};
