import { floats, type RefKernel } from '../kernel';

/** x [o,n,i] → y = x - max - ln Σ_n e^(x - max) */
export const logSoftmax: RefKernel<'logSoftmax'> = (t) => {
  const x = floats(t.x);
  const y = floats(t.y);
  const [outer, n, inner] = t.x.shape;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const start = o * n * inner + i;
      const end = start + n * inner;
      let max = -Infinity;
      for (let at = start; at < end; at += inner) max = Math.max(max, x[at]);
      let total = 0;
      for (let at = start; at < end; at += inner) total += Math.exp(x[at] - max);
      const shift = Math.log(total);
      // Two subtractions: max + shift would lose the small one.
      for (let at = start; at < end; at += inner) y[at] = x[at] - max - shift;
    }
  }
};

/** gradX = gradY - e^y · Σ_n gradY */
export const logSoftmaxBackward: RefKernel<'logSoftmaxBackward'> = (t) => {
  const y = floats(t.y);
  const gradY = floats(t.gradY);
  const gradX = floats(t.gradX);
  const [outer, n, inner] = t.y.shape;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const start = o * n * inner + i;
      const end = start + n * inner;
      let total = 0;
      for (let at = start; at < end; at += inner) total += gradY[at];
      for (let at = start; at < end; at += inner) gradX[at] = gradY[at] - Math.exp(y[at]) * total;
    }
  }
};
