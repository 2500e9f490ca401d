import { bytes, type RefKernel, size } from '../kernel';
import { clamp, roundHalfEven } from '../math/rounding';

/** y = clamp(rint(f32(f32((a - aZeroPoint)(b - bZeroPoint)) · multiplier)) + yZeroPoint, clampMin, clampMax) */
export const qmul: RefKernel<'qmul'> = (t, attrs) => {
  const { aZeroPoint, bZeroPoint, yZeroPoint, clampMin, clampMax } = attrs;
  const multiplier = Math.fround(attrs.multiplier);
  const a = bytes(t.a);
  const b = bytes(t.b);
  const y = bytes(t.y);
  for (let i = 0, n = size(t.y); i < n; i++) {
    const product = (a[i] - aZeroPoint) * (b[i] - bZeroPoint);
    y[i] = clamp(roundHalfEven(Math.fround(product * multiplier)) + yZeroPoint, clampMin, clampMax);
  }
};
