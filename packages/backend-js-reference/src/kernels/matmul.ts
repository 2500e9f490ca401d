import { floats, type RefKernel } from '../kernel';
import { clampOutput } from '../math/clamp-output';
import { gemm } from '../math/gemm';
import { packRows } from '../math/pack';
import { scratch } from '../math/scratch';
import { tileRows } from '../math/tile-rows';

/** a [ba,m,k] (or [ba,k,m] if transposeA), b [bb,k,n] (or [bb,n,k]) → y [batch,m,n]; ba and bb are batch or 1 */
export const matmul: RefKernel<'matmul'> = (t, { transposeA, transposeB, clamp }) => {
  const a = floats(t.a);
  const b = floats(t.b);
  const y = floats(t.y);
  const [batch, m, n] = t.y.shape;
  const k = t.a.shape[transposeA ? 1 : 2];
  const tile = tileRows(k);
  const left = scratch('matmul a', tile * k);
  const right = scratch('matmul b', n * k);
  const out = scratch('matmul y', tile * n);
  for (let i = 0; i < batch; i++) {
    // gemm wants k innermost on both sides.
    if (i === 0 || t.b.shape[0] > 1) {
      packRows(b, i * n * k, n, k, transposeB ? k : 1, transposeB ? 1 : n, right);
    }
    const a0 = t.a.shape[0] > 1 ? i * m * k : 0;
    for (let row = 0; row < m; row += tile) {
      const rows = Math.min(tile, m - row);
      if (transposeA) packRows(a, a0 + row, rows, k, 1, m, left);
      else packRows(a, a0 + row * k, rows, k, k, 1, left);
      gemm(left, right, out, rows, n, k);
      const at = (i * m + row) * n;
      y.set(out.subarray(0, rows * n), at);
      clampOutput(y, at, at + rows * n, clamp);
    }
  }
};
