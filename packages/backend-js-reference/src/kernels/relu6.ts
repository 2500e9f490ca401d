import { floats, type RefKernel, size } from '../kernel';
import { clamp } from '../math/rounding';

/** y = min(max(x, 0), 6) */
export const relu6: RefKernel<'relu6'> = (t) => {
  const x = floats(t.x);
  const y = floats(t.y);
  for (let i = 0, n = size(t.x); i < n; i++) {
    y[i] = clamp(x[i], 0, 6);
  }
};

/** gradX = 0 < x < 6 ? gradY : 0 */
export const relu6Backward: RefKernel<'relu6Backward'> = (t) => {
  const x = floats(t.x);
  const gradY = floats(t.gradY);
  const gradX = floats(t.gradX);
  for (let i = 0, n = size(t.x); i < n; i++) {
    gradX[i] = x[i] > 0 && x[i] < 6 ? gradY[i] : 0;
  }
};
