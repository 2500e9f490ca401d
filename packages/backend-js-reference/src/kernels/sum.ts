import { floats, type RefKernel } from '../kernel';
import { scratch } from '../math/scratch';

/** x [o,n,i] → y [o,i] = Σ_n x */
export const sum: RefKernel<'sum'> = (t) => {
  const x = floats(t.x);
  const y = floats(t.y);
  const [outer, n, inner] = t.x.shape;
  const sums = scratch('sum', inner);
  let from = 0;
  for (let o = 0; o < outer; o++) {
    if (inner === 1) {
      let total = 0;
      for (let end = from + n; from < end; from++) total += x[from];
      y[o] = total;
      continue;
    }
    sums.fill(0, 0, inner);
    for (let j = 0; j < n; j++) for (let i = 0; i < inner; i++) sums[i] += x[from++];
    for (let i = 0; i < inner; i++) y[o * inner + i] = sums[i];
  }
};
