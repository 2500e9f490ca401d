import { floats, ints, type RefKernel, size } from '../kernel';
import { clamp, roundHalfEven } from '../math/rounding';

/**
 * PyTorch's observers, in float32: lo = min(minVal, 0), hi = max(maxVal, 0).
 * Affine: S = max((hi - lo) / (qmax - qmin), eps), Z = clamp(qmin - rint(lo / S), qmin, qmax).
 * Symmetric: S = max(max(-lo, hi) / ((qmax - qmin) / 2), eps), Z = symmetricZeroPoint.
 * A range that is NaN or infinite gives such a scale; affine with the zero point 0.
 */
export const calculateQparams: RefKernel<'calculateQparams'> = (t, attrs) => {
  const { quantMin, quantMax, symmetric, symmetricZeroPoint } = attrs;
  const minVal = floats(t.minVal);
  const maxVal = floats(t.maxVal);
  const scale = floats(t.scale);
  const zeroPoint = ints(t.zeroPoint);
  const eps = Math.fround(attrs.eps);
  const steps = quantMax - quantMin;
  for (let c = 0, n = size(t.minVal); c < n; c++) {
    const lo = Math.min(minVal[c], 0);
    const hi = Math.max(maxVal[c], 0);
    if (symmetric) {
      scale[c] = Math.max(Math.fround(Math.max(-lo, hi) / (steps / 2)), eps);
      zeroPoint[c] = symmetricZeroPoint;
    } else {
      const s = Math.max(Math.fround(Math.fround(hi - lo) / steps), eps);
      scale[c] = s;
      const zero = clamp(quantMin - roundHalfEven(Math.fround(lo / s)), quantMin, quantMax);
      zeroPoint[c] = Number.isFinite(hi - lo) ? zero : 0;
    }
  }
};
