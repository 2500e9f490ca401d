import { bytes, type RefKernel, size } from '../kernel';
import { clamp, roundHalfAway } from '../math/rounding';

/**
 * y = clamp(roundHalfAway((A(a - aZeroPoint) + B(b - bZeroPoint)) / 2^shift) + yZeroPoint, clampMin, clampMax), where the
 * multipliers A and B are integers of at most 22 bits: the sum fits 32 bits, and doubles hold the quotient exactly.
 */
export const qadd: RefKernel<'qadd'> = (t, attrs) => {
  const { aMultiplier, bMultiplier, aZeroPoint, bZeroPoint, yZeroPoint, clampMin, clampMax } = attrs;
  const a = bytes(t.a);
  const b = bytes(t.b);
  const y = bytes(t.y);
  const unit = 2 ** -attrs.shift;
  for (let i = 0, n = size(t.y); i < n; i++) {
    const sum = aMultiplier * (a[i] - aZeroPoint) + bMultiplier * (b[i] - bZeroPoint);
    y[i] = clamp(roundHalfAway(sum * unit) + yZeroPoint, clampMin, clampMax);
  }
};
