import { floats, ints, type RefKernel } from '../kernel';

/** x [o,n,i] → y [o,i] int32: where along n the maximum is, the first of equals; the first NaN if there is one */
export const argmax: RefKernel<'argmax'> = (t) => {
  const x = floats(t.x);
  const y = ints(t.y);
  const [outer, n, inner] = t.x.shape;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let best = x[o * n * inner + i];
      let index = 0;
      for (let j = 1; j < n && !Number.isNaN(best); j++) {
        const v = x[(o * n + j) * inner + i];
        if (v > best || Number.isNaN(v)) {
          best = v;
          index = j;
        }
      }
      y[o * inner + i] = index;
    }
  }
};
