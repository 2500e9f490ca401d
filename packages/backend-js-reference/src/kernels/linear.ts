import { floats, type RefKernel } from '../kernel';
import { clampOutput } from '../math/clamp-output';
import { gemm } from '../math/gemm';
import { scratch } from '../math/scratch';
import { tileRows } from '../math/tile-rows';

/** x [m,k], weight [n,k], bias [n]? → y [m,n] = x · weightᵀ + bias, clamped */
export const linear: RefKernel<'linear'> = (t, { clamp }) => {
  const x = floats(t.x);
  const bias = t.bias && floats(t.bias);
  const y = floats(t.y);
  const [m, k] = t.x.shape;
  const [n] = t.weight.shape;
  const tile = tileRows(k);
  const left = scratch('linear x', tile * k);
  const right = scratch('linear weight', n * k);
  const sums = scratch('linear y', tile * n);
  right.set(floats(t.weight).subarray(0, n * k));
  for (let row = 0; row < m; row += tile) {
    const rows = Math.min(tile, m - row);
    left.set(x.subarray(row * k, (row + rows) * k));
    gemm(left, right, sums, rows, n, k);
    if (bias) {
      for (let i = 0, at = 0; i < rows; i++) for (let j = 0; j < n; j++) sums[at++] += bias[j];
    }
    y.set(sums.subarray(0, rows * n), row * n);
    clampOutput(y, row * n, (row + rows) * n, clamp);
  }
};
