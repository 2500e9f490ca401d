import { floats, type RefKernel, size } from '../kernel';
import { clamp } from '../math/rounding';

/** y = clamp(x + 3, 0, 6) / 6 */
export const hardsigmoid: RefKernel<'hardsigmoid'> = (t) => {
  const x = floats(t.x);
  const y = floats(t.y);
  for (let i = 0, n = size(t.x); i < n; i++) {
    y[i] = clamp(x[i] + 3, 0, 6) / 6;
  }
};

/** gradX = -3 < x < 3 ? gradY / 6 : 0 */
export const hardsigmoidBackward: RefKernel<'hardsigmoidBackward'> = (t) => {
  const x = floats(t.x);
  const gradY = floats(t.gradY);
  const gradX = floats(t.gradX);
  for (let i = 0, n = size(t.x); i < n; i++) {
    gradX[i] = x[i] > -3 && x[i] < 3 ? gradY[i] / 6 : 0;
  }
};
