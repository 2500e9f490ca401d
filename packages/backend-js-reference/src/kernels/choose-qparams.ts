import { floats, ints, type RefKernel, size } from '../kernel';
import { chooseQparams as choose } from '../math/qparams';

/** minVal, maxVal [c] → scale [c], zeroPoint [c] by the formula of ATen's fused observers: see math/qparams */
export const chooseQparams: RefKernel<'chooseQparams'> = (t, { quantMin, quantMax, symmetric }) => {
  const minVal = floats(t.minVal);
  const maxVal = floats(t.maxVal);
  const scales = floats(t.scale);
  const zeroPoints = ints(t.zeroPoint);
  for (let c = 0, n = size(t.minVal); c < n; c++) {
    const { scale, zeroPoint } = choose(minVal[c], maxVal[c], quantMin, quantMax, symmetric);
    scales[c] = scale;
    zeroPoints[c] = zeroPoint;
  }
};
