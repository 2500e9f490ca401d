import type { RefKernel } from '../kernel';
import { averageIntegers } from '../math/average-pool';
import { adaptiveWindows } from '../math/windows';

/**
 * x [N,H,W,C] uint8 or int8 → y [N,OH,OW,C], at y's scale and zero point:
 * y = clamp(rint(f32(f32(Σ (x - zeroPoint)) · f32(scale / f32(yScale · count)))) + yZeroPoint) over each cell of adaptiveAvgPool2d.
 */
export const qadaptiveAvgPool2d: RefKernel<'qadaptiveAvgPool2d'> = (t, attrs) => {
  const rows = adaptiveWindows(t.x.shape[1], t.y.shape[1]);
  const columns = adaptiveWindows(t.x.shape[2], t.y.shape[2]);
  averageIntegers(t.x, t.y, attrs, rows, columns);
};
