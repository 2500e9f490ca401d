import type { HostBuffer } from '../host-buffer';
import { bytes, type FloatArray, floats, type HostTensor, type RefKernel, size } from '../kernel';
import { chooseQparams } from './choose-qparams';
import { fakeQuantize } from './fake-quantize';
import { observeMinMax } from './observe-min-max';

/** Less can't be divided by. A weight times less is zero in any integers. */
const smallestFactor = 2 ** -30;

/**
 * x [o,c,i]; s = factor [c] = weight / sqrt(variance + eps), 1 without them. observeMinMax, chooseQparams and fakeQuantize of x · s,
 * and y = fakeQuantize(x · s) / s; where |s| < 2^-30 y = x and mask = 0.
 */
export const fusedMovingAvgObsFakeQuant: RefKernel<'fusedMovingAvgObsFakeQuant'> = (t, attrs) => {
  const { x, weight, variance, factor, y, mask, minVal, maxVal, scale, zeroPoint } = t;
  const { averagingConstant, eps } = attrs;
  const shape = size(scale) === 1 ? [1, 1, size(x)] : x.shape;
  const factors = weight && variance && factor && foldingFactors(weight, variance, factor, eps);
  if (size(x) === 0) return;
  const seen = { ...(factors ? scaled(x, factors) : x), shape };
  if (averagingConstant !== null) {
    observeMinMax({ x: seen, minVal, maxVal }, { averagingConstant });
    chooseQparams({ minVal, maxVal, scale, zeroPoint }, attrs);
  }
  fakeQuantize({ x: seen, scale, zeroPoint, y: { ...y, shape }, mask: { ...mask, shape } }, attrs);
  if (!factors) return;
  const from = floats(x);
  const to = floats(y);
  const bits = bytes(mask);
  eachElement(x, (at, c) => {
    if (Math.abs(factors[c]) < smallestFactor) {
      to[at] = from[at];
      bits[at] = 0;
    } else to[at] /= factors[c];
  });
};

/** gradX = mask ? gradY : 0; gradWeight [c] = Σ gradY · ((mask ? x : 0) - y) / weight, 0 where |s| < 2^-30. */
export const fusedMovingAvgObsFakeQuantBackward: RefKernel<'fusedMovingAvgObsFakeQuantBackward'> = (t) => {
  const x = floats(t.x);
  const y = floats(t.y);
  const mask = bytes(t.mask);
  const gradY = floats(t.gradY);
  const gradX = floats(t.gradX);
  const gradWeight = floats(t.gradWeight);
  const weight = floats(t.weight);
  const sums = new Float64Array(size(t.weight));
  eachElement(t.x, (at, c) => {
    gradX[at] = mask[at] ? gradY[at] : 0;
    sums[c] += gradY[at] * ((mask[at] ? x[at] : 0) - y[at]);
  });
  const factors = floats(t.factor);
  sums.forEach((sum, c) => {
    gradWeight[c] = Math.abs(factors[c]) < smallestFactor ? 0 : sum / weight[c];
  });
};

/** Fills `factor` with s, in float32. */
function foldingFactors(
  weight: HostTensor,
  variance: HostTensor,
  factor: HostTensor,
  eps: number,
): FloatArray {
  const factors = floats(factor);
  for (let c = 0; c < size(factor); c++) {
    const std = Math.fround(Math.sqrt(Math.fround(floats(variance)[c] + Math.fround(eps))));
    factors[c] = Math.fround(floats(weight)[c] / std);
  }
  return factors;
}

function scaled(x: HostTensor, factors: FloatArray): HostTensor {
  const from = floats(x);
  const data = new (from.constructor as new (length: number) => FloatArray)(size(x));
  eachElement(x, (at, c) => {
    data[at] = from[at] * factors[c];
  });
  return { ...x, buffer: { data } as HostBuffer };
}

/** Calls `fn` with the place of each element of x [o,c,i], and its channel. */
function eachElement(
  { shape: [outer, channels, inner] }: HostTensor,
  fn: (at: number, c: number) => void,
): void {
  for (let row = 0; row < outer * channels; row++) {
    for (let at = row * inner; at < (row + 1) * inner; at++) fn(at, row % channels);
  }
}
