import { bytes, ints, type RefKernel } from '../kernel';
import { gemm } from '../math/gemm';
import { centerWeights, requantizeTo } from '../math/requantize';
import { scratch } from '../math/scratch';
import { tileRows } from '../math/tile-rows';

/**
 * x [m,k] uint8, weight [n,k] int8, bias [n]? int32 → y [m,n] uint8:
 * sum = bias + Σ (x - xZeroPoint)(weight - weightZeroPoint),
 * y = clamp(rint(f32(f32(sum) · multiplier)) + yZeroPoint, clampMin, clampMax).
 */
export const qlinear: RefKernel<'qlinear'> = (t, attrs) => {
  const x = bytes(t.x);
  const [m, k] = t.x.shape;
  const [n] = t.weight.shape;
  const tile = tileRows(k);
  const left = scratch('qlinear x', tile * k);
  const right = scratch('qlinear weight', n * k);
  const sums = scratch('qlinear y', tile * n);
  centerWeights(bytes(t.weight) as Int8Array, attrs.weightZeroPoint, n, k, right);
  const emit = requantizeTo(bytes(t.y) as Uint8Array, n, t.bias && ints(t.bias), attrs);
  for (let row = 0; row < m; row += tile) {
    const rows = Math.min(tile, m - row);
    for (let i = 0; i < rows * k; i++) left[i] = x[row * k + i] - attrs.xZeroPoint;
    gemm(left, right, sums, rows, n, k);
    emit(sums, row, rows, 0, n);
  }
};
