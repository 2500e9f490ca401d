import { floats, type RefKernel, size } from '../kernel';

/** y = ln x */
export const log: RefKernel<'log'> = (t) => {
  const x = floats(t.x);
  const y = floats(t.y);
  for (let i = 0, n = size(t.x); i < n; i++) {
    y[i] = Math.log(x[i]);
  }
};
