import { floats, type RefKernel } from '../kernel';

/** x [o,c,i] integers → y = f32(f32(x - zeroPoint) · scale) */
export const dequantize: RefKernel<'dequantize'> = (t, { scale, zeroPoint }) => {
  const x = t.x.buffer.data;
  const y = floats(t.y);
  const [outer, channels, inner] = t.x.shape;
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (let c = 0; c < channels; c++) {
      const s = scale[scale.length > 1 ? c : 0];
      const zero = zeroPoint[zeroPoint.length > 1 ? c : 0];
      for (let end = at + inner; at < end; at++) y[at] = Math.fround(Math.fround(x[at] - zero) * s);
    }
  }
};
