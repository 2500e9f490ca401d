import { bytes, type RefKernel } from '../kernel';
import { clamp, roundHalfEven } from '../math/rounding';

/** y = clamp(rint(f32(f32((x - xZeroPoint) · m) + shift)) + yZeroPoint, clampMin, clampMax), m by the sign, all by the channel */
export const qaffine: RefKernel<'qaffine'> = (t, attrs) => {
  const { xZeroPoint, positive, negative, shift, yZeroPoint, clampMin, clampMax } = attrs;
  const x = bytes(t.x);
  const y = bytes(t.y);
  const [rows, channels] = t.x.shape;
  for (let r = 0, i = 0; r < rows; r++) {
    for (let c = 0; c < channels; c++, i++) {
      const q = x[i] - xZeroPoint;
      const product = Math.fround(q * (q > 0 ? positive : negative)[c]);
      y[i] = clamp(roundHalfEven(Math.fround(product + shift[c])) + yZeroPoint, clampMin, clampMax);
    }
  }
};
