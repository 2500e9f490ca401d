import { floats, type RefKernel, size } from '../kernel';

/** y = √x */
export const sqrt: RefKernel<'sqrt'> = (t) => {
  const x = floats(t.x);
  const y = floats(t.y);
  for (let i = 0, n = size(t.x); i < n; i++) {
    y[i] = Math.sqrt(x[i]);
  }
};
