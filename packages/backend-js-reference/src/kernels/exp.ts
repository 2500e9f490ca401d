import { floats, type RefKernel, size } from '../kernel';

/** y = e^x */
export const exp: RefKernel<'exp'> = (t) => {
  const x = floats(t.x);
  const y = floats(t.y);
  for (let i = 0, n = size(t.x); i < n; i++) {
    y[i] = Math.exp(x[i]);
  }
};
