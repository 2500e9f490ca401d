import { floats, type RefKernel, size } from '../kernel';
import { clamp as clampValue } from '../math/rounding';

/** y = min(max(x, min), max) */
export const clamp: RefKernel<'clamp'> = (t, { min, max }) => {
  const x = floats(t.x);
  const y = floats(t.y);
  for (let i = 0, n = size(t.x); i < n; i++) {
    y[i] = clampValue(x[i], min, max);
  }
};

/** gradX = min <= x <= max ? gradY : 0 */
export const clampBackward: RefKernel<'clampBackward'> = (t, { min, max }) => {
  const x = floats(t.x);
  const gradY = floats(t.gradY);
  const gradX = floats(t.gradX);
  for (let i = 0, n = size(t.x); i < n; i++) {
    gradX[i] = x[i] >= min && x[i] <= max ? gradY[i] : 0;
  }
};
