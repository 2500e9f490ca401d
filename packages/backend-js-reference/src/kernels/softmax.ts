import { floats, type RefKernel } from '../kernel';

/** x [o,n,i] → y = e^(x - max) / Σ_n e^(x - max) */
export const softmax: RefKernel<'softmax'> = (t) => {
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
      for (let at = start; at < end; at += inner) y[at] = Math.exp(x[at] - max) / total;
    }
  }
};

/** gradX = y · (gradY - Σ_n gradY · y) */
export const softmaxBackward: RefKernel<'softmaxBackward'> = (t) => {
  const y = floats(t.y);
  const gradY = floats(t.gradY);
  const gradX = floats(t.gradX);
  const [outer, n, inner] = t.y.shape;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const start = o * n * inner + i;
      const end = start + n * inner;
      let total = 0;
      for (let at = start; at < end; at += inner) total += gradY[at] * y[at];
      for (let at = start; at < end; at += inner) gradX[at] = y[at] * (gradY[at] - total);
    }
  }
};
