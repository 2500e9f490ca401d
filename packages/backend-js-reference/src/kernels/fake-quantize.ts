import { bytes, floats, type RefKernel } from '../kernel';
import { clamp, roundHalfEven } from '../math/rounding';

/**
 * x [o,c,i], scale [c], zeroPoint [c] (float32 ones are rounded half to even and clamped to quantMin..quantMax):
 * q = rint(f32(x · f32(1 / scale))) + zeroPoint, y = f32((clamp(q, quantMin, quantMax) - zeroPoint) · scale),
 * mask = quantMin <= q <= quantMax, which is where the gradient passes.
 */
export const fakeQuantize: RefKernel<'fakeQuantize'> = (t, { quantMin, quantMax }) => {
  const x = floats(t.x);
  const scales = floats(t.scale);
  const zeroPoints = t.zeroPoint.buffer.data;
  const y = floats(t.y);
  const mask = bytes(t.mask);
  const [outer, channels, inner] = t.x.shape;
  const learned = t.zeroPoint.dtype !== 'int32';
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      const scale = scales[c];
      const inverse = Math.fround(1 / scale);
      const zero = learned ? clamp(roundHalfEven(zeroPoints[c]), quantMin, quantMax) : zeroPoints[c];
      // The zero point moved to the bounds: it would be added only to be subtracted.
      const low = quantMin - zero;
      const high = quantMax - zero;
      for (let end = at + inner; at < end; at++) {
        const q = roundHalfEven(Math.fround(x[at] * inverse));
        const clamped = Math.min(Math.max(q, low), high);
        mask[at] = Number(q === clamped);
        y[at] = Math.fround(clamped * scale);
      }
    }
  }
};

/**
 * x [o,c,i], scale [c], float32 zeroPoint [c], which counts as Z = trunc(zeroPoint + 1/2) within quantMin and quantMax.
 * With q as in fakeQuantize: gradX = in range ? gradY : 0;
 * gradScale = gradFactor · Σ gradY · (in range: (y - x) / scale; below: quantMin - Z; above: quantMax - Z);
 * gradZeroPoint = gradFactor · Σ gradY · (in range: 0; else -scale).
 */
export const learnableFakeQuantizeBackward: RefKernel<'learnableFakeQuantizeBackward'> = (t, attrs) => {
  const { quantMin, quantMax, gradFactor } = attrs;
  const x = floats(t.x);
  const scales = floats(t.scale);
  const zeroPoints = floats(t.zeroPoint);
  const gradY = floats(t.gradY);
  const gradX = floats(t.gradX);
  const gradScale = floats(t.gradScale);
  const gradZeroPoint = floats(t.gradZeroPoint);
  const [outer, channels, inner] = t.x.shape;
  for (let c = 0; c < channels; c++) {
    const scale = scales[c];
    const inverse = Math.fround(1 / scale);
    const zero = Math.trunc(Math.min(Math.max(Math.fround(zeroPoints[c] + 0.5), quantMin), quantMax));
    let scaleSum = 0;
    let zeroSum = 0;
    for (let o = 0; o < outer; o++) {
      const start = (o * channels + c) * inner;
      for (let at = start; at < start + inner; at++) {
        const q = roundHalfEven(Math.fround(x[at] * inverse)) + zero;
        if (q >= quantMin && q <= quantMax) {
          gradX[at] = gradY[at];
          scaleSum += gradY[at] * (Math.fround((q - zero) * scale) - x[at]) * inverse;
        } else {
          gradX[at] = 0;
          scaleSum += gradY[at] * (clamp(q, quantMin, quantMax) - zero);
          zeroSum -= gradY[at] * scale;
        }
      }
    }
    gradScale[c] = scaleSum * gradFactor;
    gradZeroPoint[c] = zeroSum * gradFactor;
  }
};
