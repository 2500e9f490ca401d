import { floats, type RefKernel, size } from '../kernel';
import { clamp } from '../math/rounding';

/** y = x · clamp(x + 3, 0, 6) / 6 */
export const hardswish: RefKernel<'hardswish'> = (t) => {
  const x = floats(t.x);
  const y = floats(t.y);
  for (let i = 0, n = size(t.x); i < n; i++) {
    const v = x[i];
    y[i] = (v * clamp(v + 3, 0, 6)) / 6;
  }
};

/** gradX = 0 where x < -3, gradY · (x / 3 + 1/2) where x < 3, gradY above */
export const hardswishBackward: RefKernel<'hardswishBackward'> = (t) => {
  const x = floats(t.x);
  const gradY = floats(t.gradY);
  const gradX = floats(t.gradX);
  for (let i = 0, n = size(t.x); i < n; i++) {
    const v = x[i];
    gradX[i] = v < -3 ? 0 : v < 3 ? gradY[i] * (v / 3 + 0.5) : gradY[i];
  }
};
