import type { RefKernel } from '../kernel';
import { averageIntegers } from '../math/average-pool';
import { averageWindows } from '../math/windows';

/**
 * x [N,H,W,C] uint8 or int8 → y [N,OH,OW,C], at y's scale and zero point:
 * y = clamp(rint(f32(f32(Σ (x - zeroPoint)) · f32(scale / f32(yScale · count)))) + yZeroPoint) over each window,
 * where padding is zeroPoint and counts only with countIncludePad.
 */
export const qavgPool2d: RefKernel<'qavgPool2d'> = (t, attrs) => {
  const rows = averageWindows(attrs, 0, t.x.shape[1], t.y.shape[1]);
  const columns = averageWindows(attrs, 1, t.x.shape[2], t.y.shape[2]);
  averageIntegers(t.x, t.y, attrs, rows, columns);
};
