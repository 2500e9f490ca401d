import type { RefKernel } from '../kernel';
import { averageWindows, spreadWindows } from '../math/average-pool';
import { adaptiveWindows } from '../math/windows';

/** x [N,H,W,C] → y [N,OH,OW,C]: cell i of OH averages rows ⌊i · H / OH⌋ to ⌈(i + 1) · H / OH⌉, columns alike */
export const adaptiveAvgPool2d: RefKernel<'adaptiveAvgPool2d'> = ({ x, y }) => {
  averageWindows(x, y, adaptiveWindows(x.shape[1], y.shape[1]), adaptiveWindows(x.shape[2], y.shape[2]));
};

/** gradX [N,H,W,C]: every gradY is shared evenly among the elements of its cell */
export const adaptiveAvgPool2dBackward: RefKernel<'adaptiveAvgPool2dBackward'> = ({ gradY, gradX }) => {
  const rows = adaptiveWindows(gradX.shape[1], gradY.shape[1]);
  spreadWindows(gradY, gradX, rows, adaptiveWindows(gradX.shape[2], gradY.shape[2]));
};
