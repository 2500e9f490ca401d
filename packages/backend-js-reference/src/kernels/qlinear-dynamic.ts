import { bytes, floats, type RefKernel } from '../kernel';
import { dynamicRange, scaleTo } from '../math/dynamic';
import { gemm } from '../math/gemm';
import { centerWeights } from '../math/requantize';
import { scratch } from '../math/scratch';
import { tileRows } from '../math/tile-rows';

/**
 * x [m,k] float32, weight [n,k] int8, bias [n]? float32 → y [m,n] float32. x is quantized to 0..255 (reduceRange: 0..127)
 * by its own minimum and maximum (see math/qparams, affine): S, Z. Then y = f32(f32(f32(sum) · f32(S · weightScale)) +
 * bias) with sum = Σ (q - Z)(weight - weightZeroPoint).
 */
export const qlinearDynamic: RefKernel<'qlinearDynamic'> = (t, attrs) => {
  const x = floats(t.x);
  const [m, k] = t.x.shape;
  const [n] = t.weight.shape;
  const { scale, quantize } = dynamicRange(x, m * k, attrs.reduceRange);

  const tile = tileRows(k);
  const left = scratch('qlinearDynamic x', tile * k);
  const right = scratch('qlinearDynamic weight', n * k);
  const sums = scratch('qlinearDynamic y', tile * n);
  centerWeights(bytes(t.weight) as Int8Array, attrs.weightZeroPoint, n, k, right);
  const emit = scaleTo(floats(t.y), n, t.bias && floats(t.bias), scale, attrs);
  for (let row = 0; row < m; row += tile) {
    const rows = Math.min(tile, m - row);
    quantize(x, row * k, rows * k, left);
    gemm(left, right, sums, rows, n, k);
    emit(sums, row, rows, 0, n);
  }
};
