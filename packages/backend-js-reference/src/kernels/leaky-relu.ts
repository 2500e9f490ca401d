import { floats, type RefKernel, size } from '../kernel';

/** y = x > 0 ? x : negativeSlope · x */
export const leakyRelu: RefKernel<'leakyRelu'> = (t, { negativeSlope }) => {
  const x = floats(t.x);
  const y = floats(t.y);
  for (let i = 0, n = size(t.x); i < n; i++) {
    const v = x[i];
    y[i] = v > 0 ? v : v * negativeSlope;
  }
};

/** gradX = x > 0 ? gradY : negativeSlope · gradY */
export const leakyReluBackward: RefKernel<'leakyReluBackward'> = (t, { negativeSlope }) => {
  const x = floats(t.x);
  const gradY = floats(t.gradY);
  const gradX = floats(t.gradX);
  for (let i = 0, n = size(t.x); i < n; i++) {
    gradX[i] = x[i] > 0 ? gradY[i] : gradY[i] * negativeSlope;
  }
};
