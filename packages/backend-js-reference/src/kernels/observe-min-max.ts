import { floats, type RefKernel } from '../kernel';

/**
 * x [o,c,i]; minVal, maxVal [c] in-out. averagingConstant null: minVal = min(minVal, batch minimum), maxVal alike; else
 * m + averagingConstant · (batch - m) in float32, where minVal = +inf and maxVal = -inf take the batch's own. NaN stays NaN.
 */
export const observeMinMax: RefKernel<'observeMinMax'> = (t, { averagingConstant }) => {
  const x = floats(t.x);
  const minVal = floats(t.minVal);
  const maxVal = floats(t.maxVal);
  const [outer, channels, inner] = t.x.shape;
  if (outer === 0 || inner === 0) return;
  for (let c = 0; c < channels; c++) {
    let min = Infinity;
    let max = -Infinity;
    for (let o = 0; o < outer; o++) {
      const start = (o * channels + c) * inner;
      for (let at = start; at < start + inner; at++) {
        const v = x[at];
        min = Math.min(min, v);
        max = Math.max(max, v);
      }
    }
    if (averagingConstant === null) {
      minVal[c] = Math.min(minVal[c], min);
      maxVal[c] = Math.max(maxVal[c], max);
    } else if (minVal[c] === Infinity && maxVal[c] === -Infinity) {
      minVal[c] = min;
      maxVal[c] = max;
    } else {
      minVal[c] = approach(minVal[c], min, averagingConstant);
      maxVal[c] = approach(maxVal[c], max, averagingConstant);
    }
  }
};

function approach(average: number, current: number, constant: number): number {
  const distance = Math.fround(Math.fround(current) - average);
  return Math.fround(average + Math.fround(Math.fround(constant) * distance));
}
