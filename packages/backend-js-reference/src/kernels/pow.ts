import { floats, type RefKernel, size } from '../kernel';

/** y = x^exponent */
export const pow: RefKernel<'pow'> = (t, { exponent }) => {
  const x = floats(t.x);
  const y = floats(t.y);
  for (let i = 0, n = size(t.x); i < n; i++) {
    y[i] = x[i] ** exponent;
  }
};
