import { floats, type RefKernel, size } from '../kernel';

/** y = tanh x */
export const tanh: RefKernel<'tanh'> = (t) => {
  const x = floats(t.x);
  const y = floats(t.y);
  for (let i = 0, n = size(t.x); i < n; i++) {
    y[i] = Math.tanh(x[i]);
  }
};

/** gradX = gradY · (1 - y²) */
export const tanhBackward: RefKernel<'tanhBackward'> = (t) => {
  const y = floats(t.y);
  const gradY = floats(t.gradY);
  const gradX = floats(t.gradX);
  for (let i = 0, n = size(t.y); i < n; i++) {
    gradX[i] = gradY[i] * (1 - y[i] * y[i]);
  }
};
