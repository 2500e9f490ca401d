import { clamp, roundHalfEven } from './rounding';

export interface Qparams {
  scale: number;
  zeroPoint: number;
}

// float32 6.1e-5: smaller scales would lose too much in half precision.
const smallestScale = Math.fround(6.1e-5);

/**
 * Scale (a float32 value) and zero point of the range [min, max], as ATen's `ChooseQuantizationParams` has it: what
 * fused observers and dynamic quantization use. In doubles on float32 bounds:
 *
 * - symmetric and min < 0 < max: s = max(|min| / (L + 1), max / L), L = ⌊(qmax - qmin) / 2⌋; the range becomes
 *   [-(L + 1) s, L s] and the zero point the middle of qmin and qmax, rounded half to even.
 * - otherwise the range is extended to 0; S = (max - min) / (qmax - qmin), 0.1 where that is 0 or its reciprocal
 *   overflows, 6.1e-5 where it is smaller (the range grows with it).
 * - A range that is NaN or infinite has the scale NaN, and the zero point 0.
 * - The zero point comes from whichever end has the smaller error term |q| - |bound / S|, rounded half to even, clamped.
 */
export function chooseQparams(
  min: number,
  max: number,
  quantMin: number,
  quantMax: number,
  symmetric: boolean,
): Qparams {
  const steps = quantMax - quantMin;
  const centred = symmetric && min < 0 && max > 0;
  if (centred) {
    const half = Math.floor(steps / 2);
    const s = Math.max(Math.fround(-min / (half + 1)), Math.fround(max / half));
    min = Math.fround(-s * (half + 1));
    max = Math.fround(s * half);
  }
  min = Math.min(min, 0);
  max = Math.max(max, 0);
  if (!Number.isFinite(max - min)) return { scale: Number.NaN, zeroPoint: 0 };

  let scale = (max - min) / steps;
  if (Math.fround(scale) === 0 || Math.fround(1 / Math.fround(scale)) === Infinity) scale = 0.1;
  if (scale < smallestScale) {
    const growth = Math.fround(smallestScale / Math.fround(scale));
    if (min === 0) max = Math.fround(smallestScale * steps);
    else if (max === 0) min = Math.fround(-smallestScale * steps);
    else {
      min = Math.fround(min * growth);
      max = Math.fround(max * growth);
    }
    scale = smallestScale;
  }

  const minError = Math.abs(quantMin) - Math.abs(min / scale);
  const maxError = Math.abs(quantMax) - Math.abs(max / scale);
  const end = minError < maxError ? quantMin - min / scale : quantMax - max / scale;
  const exact = centred ? (quantMin + quantMax) / 2 : end;
  return { scale: Math.fround(scale), zeroPoint: clamp(roundHalfEven(exact), quantMin, quantMax) };
}
