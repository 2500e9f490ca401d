import { floats, type RefKernel, size } from '../kernel';

/** y = |x| */
export const abs: RefKernel<'abs'> = (t) => {
  const x = floats(t.x);
  const y = floats(t.y);
  for (let i = 0, n = size(t.x); i < n; i++) {
    y[i] = Math.abs(x[i]);
  }
};
