import { floats, type RefKernel, size } from '../kernel';

/** y = 1 / (1 + e^-x) */
export const sigmoid: RefKernel<'sigmoid'> = (t) => {
  const x = floats(t.x);
  const y = floats(t.y);
  for (let i = 0, n = size(t.x); i < n; i++) {
    y[i] = 1 / (1 + Math.exp(-x[i]));
  }
};

/** gradX = gradY · y · (1 - y) */
export const sigmoidBackward: RefKernel<'sigmoidBackward'> = (t) => {
  const y = floats(t.y);
  const gradY = floats(t.gradY);
  const gradX = floats(t.gradX);
  for (let i = 0, n = size(t.y); i < n; i++) {
    gradX[i] = gradY[i] * y[i] * (1 - y[i]);
  }
};
