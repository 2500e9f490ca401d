import type { HostBuffer } from '../host-buffer';
import { bytes, type FloatArray, floats, type HostTensor, type RefKernel, size } from '../kernel';
import { chooseQparams } from './choose-qparams';
import { fakeQuantize } from './fake-quantize';
import { observeMinMax } from './observe-min-max';

/** Less can't be divided by. A weight times less is zero in any integers. */
const smallestFactor = 2 ** -30;

/**
 * x [o,c,i], factor [c]? (1 where absent), s = factor[c]: observeMinMax, chooseQparams and fakeQuantize of x · s, and
 * y = fakeQuantize(x · s) / s; where |s| < 2^-30 y = x and mask = 0.
 */
export const fusedMovingAvgObsFakeQuant: RefKernel<'fusedMovingAvgObsFakeQuant'> = (t, attrs) => {
  const { x, factor, y, mask, minVal, maxVal, scale, zeroPoint } = t;
  const { averagingConstant } = attrs;
  if (size(x) === 0) return;
  const shape = size(scale) === 1 ? [1, 1, size(x)] : x.shape;
  const seen = { ...(factor ? scaled(x, factor) : x), shape };
  if (averagingConstant !== null) {
    observeMinMax({ x: seen, minVal, maxVal }, { averagingConstant });
    chooseQparams({ minVal, maxVal, scale, zeroPoint }, attrs);
  }
  fakeQuantize({ x: seen, scale, zeroPoint, y: { ...y, shape }, mask: { ...mask, shape } }, attrs);
  if (!factor) return;
  const from = floats(x);
  const to = floats(y);
  const bits = bytes(mask);
  eachOfChannel(x, factor, (at, s) => {
    if (Math.abs(s) < smallestFactor) {
      to[at] = from[at];
      bits[at] = 0;
    } else to[at] /= s;
  });
};

/** gradX = mask ? gradY : 0; gradFactor [c] = Σ gradY · ((mask ? x : 0) - y) / s, 0 where |s| < 2^-30. */
export const fusedMovingAvgObsFakeQuantBackward: RefKernel<'fusedMovingAvgObsFakeQuantBackward'> = (t) => {
  const { factor } = t;
  const x = floats(t.x);
  const y = floats(t.y);
  const mask = bytes(t.mask);
  const gradY = floats(t.gradY);
  const gradX = floats(t.gradX);
  const gradFactor = floats(t.gradFactor);
  const sums = new Float64Array(size(factor));
  eachOfChannel(t.x, factor, (at, _, c) => {
    gradX[at] = mask[at] ? gradY[at] : 0;
    sums[c] += gradY[at] * ((mask[at] ? x[at] : 0) - y[at]);
  });
  sums.forEach((sum, c) => {
    const s = floats(factor)[c];
    gradFactor[c] = Math.abs(s) < smallestFactor ? 0 : sum / s;
  });
};

function scaled(x: HostTensor, factor: HostTensor): HostTensor {
  const from = floats(x);
  const data = new (from.constructor as new (length: number) => FloatArray)(size(x));
  eachOfChannel(x, factor, (at, s) => {
    data[at] = from[at] * s;
  });
  return { ...x, buffer: { data } as HostBuffer };
}

/** Calls `fn` with the place of each element of x [o,c,i], its factor, and its channel. */
function eachOfChannel(
  { shape: [outer, channels, inner] }: HostTensor,
  factor: HostTensor,
  fn: (at: number, s: number, c: number) => void,
): void {
  const factors = floats(factor);
  for (let row = 0; row < outer * channels; row++) {
    const c = row % channels;
    for (let at = row * inner; at < (row + 1) * inner; at++) fn(at, factors[c], c);
  }
}
