import { bytes, floats, type RefKernel } from '../kernel';
import { gemm } from '../math/gemm';
import { chooseQparams } from '../math/qparams';
import { centerWeights } from '../math/requantize';
import { clamp, roundHalfEven } from '../math/rounding';
import { scratch } from '../math/scratch';
import { tileRows } from '../math/tile-rows';

/**
 * x [m,k] float32, weight [n,k] int8, bias [n]? float32 → y [m,n] float32. x is quantized to 0..255 (reduceRange: 0..127)
 * by its own minimum and maximum (see math/qparams, affine): S, Z. Then y = f32(f32(f32(sum) · f32(S · weightScale)) +
 * bias) with sum = Σ (q - Z)(weight - weightZeroPoint).
 */
export const qlinearDynamic: RefKernel<'qlinearDynamic'> = (t, attrs) => {
  const { weightScale, weightZeroPoint, reduceRange } = attrs;
  const quantMax = reduceRange ? 127 : 255;
  const x = floats(t.x);
  const y = floats(t.y);
  const bias = t.bias && floats(t.bias);
  const [m, k] = t.x.shape;
  const [n] = t.weight.shape;
  let min = 0;
  let max = 0;
  for (let i = 0; i < m * k; i++) {
    min = Math.min(min, x[i]);
    max = Math.max(max, x[i]);
  }
  const { scale, zeroPoint } = chooseQparams(min, max, 0, quantMax, false);
  const inverse = Math.fround(1 / scale);

  const tile = tileRows(k);
  const left = scratch('qlinearDynamic x', tile * k);
  const right = scratch('qlinearDynamic weight', n * k);
  const sums = scratch('qlinearDynamic y', tile * n);
  centerWeights(bytes(t.weight) as Int8Array, weightZeroPoint, n, k, right);
  for (let row = 0; row < m; row += tile) {
    const rows = Math.min(tile, m - row);
    for (let i = 0; i < rows * k; i++) {
      const q = roundHalfEven(Math.fround(x[row * k + i] * inverse)) + zeroPoint;
      left[i] = clamp(q, 0, quantMax) - zeroPoint;
    }
    gemm(left, right, sums, rows, n, k);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < n; j++) {
        const multiplier = Math.fround(scale * weightScale[weightScale.length > 1 ? j : 0]);
        const product = Math.fround(Math.fround(sums[i * n + j]) * multiplier);
        y[(row + i) * n + j] = bias ? product + bias[j] : product;
      }
    }
  }
};
