import type { WasmPrepackingKernel, WasmTensor } from '../kernel';
import { dynamicArgs, freeDynamic, type PackedDynamic, packDynamic, quantMaxOf, rangeOf } from './dynamic';
import { freeGemm, gemmArgs, gemmPlan, type PackedGemm, packGemm, tileSize } from './qgemm';

/** x [m,k] uint8, weight [n,k] int8, bias [n]? int32 → y [m,n] uint8 */
export const qlinear: WasmPrepackingKernel<'qlinear', PackedGemm> = {
  prepack: (cx, { weight, bias }, attrs) =>
    packGemm(cx, weight as WasmTensor, bias, attrs, 1, (weight as WasmTensor).shape[1]),

  run(cx, { x, y }, _, packed) {
    const [m, k] = x.shape;
    const n = y.shape[1];
    const { tile, splits, units, grain } = gemmPlan(cx, packed.form, m, n, k, 1);
    const gemm = gemmArgs(cx, packed, y, tileSize(tile, k));
    cx.parallel('qgemm', { ...gemm, x: cx.address(x), m, k, n, groups: 1, tile, splits }, units, grain);
  },

  free: freeGemm,
};

/** x [m,k] float32, weight [n,k] int8, bias [n]? float32 → y float32 */
export const qlinearDynamic: WasmPrepackingKernel<'qlinearDynamic', PackedDynamic> = {
  prepack: (cx, { weight, bias }, attrs) =>
    packDynamic(cx, weight as WasmTensor, bias, attrs, 1, (weight as WasmTensor).shape[1]),

  run(cx, { x, y }, { reduceRange }, packed) {
    const [m, k] = x.shape;
    const n = y.shape[1];
    const quantMax = quantMaxOf(reduceRange);
    const { scale, zeroPoint } = rangeOf(cx, x, quantMax);
    const { tile, splits, units, grain } = gemmPlan(cx, packed.form, m, n, k, 1);
    const args = {
      ...{ ...dynamicArgs(cx, packed), x: cx.address(x), m, k, n, tile, splits, scale, zeroPoint, quantMax },
      ...{ y: cx.address(y), ...cx.scratchEach(64 + tileSize(tile, k)) },
    };
    cx.parallel('qgemmDynamic', args, units, grain);
  },

  free: freeDynamic,
};
