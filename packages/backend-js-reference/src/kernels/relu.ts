import { floats, type RefKernel, size } from '../kernel';

/** y = max(x, 0) */
export const relu: RefKernel<'relu'> = (t) => {
  const x = floats(t.x);
  const y = floats(t.y);
  for (let i = 0, n = size(t.x); i < n; i++) {
    y[i] = Math.max(x[i], 0);
  }
};

/** gradX = x > 0 ? gradY : 0 */
export const reluBackward: RefKernel<'reluBackward'> = (t) => {
  const x = floats(t.x);
  const gradY = floats(t.gradY);
  const gradX = floats(t.gradX);
  for (let i = 0, n = size(t.x); i < n; i++) {
    gradX[i] = x[i] > 0 ? gradY[i] : 0;
  }
};
