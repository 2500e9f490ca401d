import { floats, type RefKernel, size } from '../kernel';
import { erf } from '../math/erf';

const density = 1 / Math.sqrt(2 * Math.PI);

/** y = x · Φ(x), Φ(x) = (1 + erf(x / √2)) / 2 */
export const gelu: RefKernel<'gelu'> = (t) => {
  const x = floats(t.x);
  const y = floats(t.y);
  for (let i = 0, n = size(t.x); i < n; i++) {
    const v = x[i];
    y[i] = 0.5 * v * (1 + erf(v * Math.SQRT1_2));
  }
};

/** gradX = gradY · (Φ(x) + x · φ(x)), φ(x) = e^(-x²/2) / √(2π) */
export const geluBackward: RefKernel<'geluBackward'> = (t) => {
  const x = floats(t.x);
  const gradY = floats(t.gradY);
  const gradX = floats(t.gradX);
  for (let i = 0, n = size(t.x); i < n; i++) {
    const v = x[i];
    const phi = 0.5 * (1 + erf(v * Math.SQRT1_2));
    gradX[i] = gradY[i] * (phi + v * density * Math.exp(-0.5 * v * v));
  }
};
