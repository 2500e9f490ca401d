import { bytes, floats, type RefKernel } from '../kernel';
import { clamp, roundHalfEven } from '../math/rounding';

const f32 = Math.fround;

/**
 * Of each sample and group, whose integers have the mean m and the variance v: s = scale / √(v · scale² + eps),
 * y = clamp(rint((((x - m) · (s · weight)) + bias) · inverse) + yZeroPoint, 0, 255), each step rounded to float32
 */
export const qgroupNorm: RefKernel<'qgroupNorm'> = (t, { groups, eps, scale, inverse, yZeroPoint }) => {
  const x = bytes(t.x);
  const y = bytes(t.y);
  const [weight, bias] = [floats(t.weight), floats(t.bias)];
  const [samples, length, channels] = t.x.shape;
  const width = channels / groups;
  const count = length * width;
  for (let n = 0; n < samples; n++) {
    for (let g = 0; g < groups; g++) {
      let sum = 0;
      let squares = 0;
      for (let l = 0; l < length; l++) {
        const from = (n * length + l) * channels + g * width;
        for (let i = from; i < from + width; i++) {
          sum += x[i];
          squares += x[i] * x[i];
        }
      }
      const mean = f32(sum / count);
      const variance = f32(Math.max(squares / count - (sum / count) ** 2, 0));
      const s = f32(scale / f32(Math.sqrt(f32(f32(f32(variance * scale) * scale) + eps))));
      for (let c = g * width; c < (g + 1) * width; c++) {
        const factor = f32(s * weight[c]);
        for (let l = 0; l < length; l++) {
          const i = (n * length + l) * channels + c;
          const normal = f32(f32(f32(x[i] - mean) * factor) + bias[c]);
          y[i] = clamp(roundHalfEven(f32(normal * inverse)) + yZeroPoint, 0, 255);
        }
      }
    }
  }
};
