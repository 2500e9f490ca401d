import { floats, type RefKernel } from '../kernel';

/** x [o,n,i] → mean [o,i], y [o,i] = Σ_n (x - mean)² / (n - correction); Infinity or NaN where that divides by 0 */
export const variance: RefKernel<'variance'> = (t, { correction }) => {
  const x = floats(t.x);
  const y = floats(t.y);
  const means = floats(t.mean);
  const [outer, n, inner] = t.x.shape;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const start = o * n * inner + i;
      let total = 0;
      for (let j = 0; j < n; j++) total += x[start + j * inner];
      const mean = total / n;
      let squares = 0;
      for (let j = 0; j < n; j++) squares += (x[start + j * inner] - mean) ** 2;
      means[o * inner + i] = mean;
      y[o * inner + i] = squares / Math.max(0, n - correction);
    }
  }
};
