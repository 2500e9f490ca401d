import { floats, type RefKernel } from '../kernel';

/** x [o,n,i] → y [o,i] = max_n x; NaN if any is */
export const amax: RefKernel<'amax'> = (t) => {
  const x = floats(t.x);
  const y = floats(t.y);
  const [outer, n, inner] = t.x.shape;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let best = -Infinity;
      for (let j = 0; j < n; j++) best = Math.max(best, x[(o * n + j) * inner + i]);
      y[o * inner + i] = best;
    }
  }
};

/** gradX [o,n,i] = gradY [o,i] shared evenly among the elements equal to y [o,i], 0 elsewhere */
export const amaxBackward: RefKernel<'amaxBackward'> = (t) => {
  const x = floats(t.x);
  const y = floats(t.y);
  const gradY = floats(t.gradY);
  const gradX = floats(t.gradX);
  const [outer, n, inner] = t.x.shape;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const best = y[o * inner + i];
      let equals = 0;
      for (let j = 0; j < n; j++) if (x[(o * n + j) * inner + i] === best) equals++;
      const share = gradY[o * inner + i] / equals;
      for (let j = 0; j < n; j++) {
        const at = (o * n + j) * inner + i;
        gradX[at] = x[at] === best ? share : 0;
      }
    }
  }
};
