import { floats, type RefKernel, size } from '../kernel';

/** y = -1, 0 or 1 */
export const sign: RefKernel<'sign'> = (t) => {
  const x = floats(t.x);
  const y = floats(t.y);
  for (let i = 0, n = size(t.x); i < n; i++) {
    y[i] = Math.sign(x[i]);
  }
};
