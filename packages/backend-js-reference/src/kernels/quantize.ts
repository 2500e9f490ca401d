import { floats, type RefKernel } from '../kernel';
import { roundHalfEven } from '../math/rounding';

/** x [o,c,i] → y = clamp(rint(f32(x · f32(1 / scale))) + zeroPoint, quantMin, quantMax); infinities saturate, NaN gives quantMin */
export const quantize: RefKernel<'quantize'> = (t, { scale, zeroPoint, quantMin, quantMax }) => {
  const x = floats(t.x);
  const y = t.y.buffer.data;
  const [outer, channels, inner] = t.x.shape;
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      const inverse = Math.fround(1 / scale[scale.length > 1 ? c : 0]);
      const zero = zeroPoint[zeroPoint.length > 1 ? c : 0];
      for (let end = at + inner; at < end; at++) {
        const q = roundHalfEven(Math.fround(x[at] * inverse)) + zero;
        // NaN is the smallest, everywhere: no integer stands for it.
        y[at] = q > quantMin ? Math.min(q, quantMax) : quantMin;
      }
    }
  }
};
