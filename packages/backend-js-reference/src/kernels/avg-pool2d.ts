import type { RefKernel } from '../kernel';
import { averageWindows as average, spreadWindows } from '../math/average-pool';
import { averageWindows } from '../math/windows';

/** x [N,H,W,C] → y [N,OH,OW,C]: the sum under each window, padding being 0, by its elements (with or without padded ones) */
export const avgPool2d: RefKernel<'avgPool2d'> = ({ x, y }, attrs) => {
  const rows = averageWindows(attrs, 0, x.shape[1], y.shape[1]);
  const columns = averageWindows(attrs, 1, x.shape[2], y.shape[2]);
  average(x, y, rows, columns);
};

/** gradX [N,H,W,C]: every gradY is shared evenly among the elements of its window */
export const avgPool2dBackward: RefKernel<'avgPool2dBackward'> = ({ gradY, gradX }, attrs) => {
  const rows = averageWindows(attrs, 0, gradX.shape[1], gradY.shape[1]);
  const columns = averageWindows(attrs, 1, gradX.shape[2], gradY.shape[2]);
  spreadWindows(gradY, gradX, rows, columns);
};
