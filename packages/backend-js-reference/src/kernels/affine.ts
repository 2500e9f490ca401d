import { floats, type RefKernel, size } from '../kernel';

/** y = x · scale + shift */
export const affine: RefKernel<'affine'> = (t, { scale, shift }) => {
  const x = floats(t.x);
  const y = floats(t.y);
  for (let i = 0, n = size(t.x); i < n; i++) {
    y[i] = x[i] * scale + shift;
  }
};
