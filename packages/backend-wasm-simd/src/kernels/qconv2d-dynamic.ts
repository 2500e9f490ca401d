import { offset } from '../address';
import { size, type WasmPrepackingKernel, type WasmTensor } from '../kernel';
import { dynamicArgs, freeDynamic, type PackedDynamic, packDynamic, quantMaxOf, rangeOf } from './dynamic';
import { convArgs, isOfPoints, patchStepOf, productOf } from './qconv2d';
import { gemmPlan, tileSize } from './qgemm';
import { quantizeFlat } from './quantize';

/** Bytes before and after an image that gathering patches may read. */
const margin = 64;

/** x [N,H,W,C] float32, weight [O,kh,kw,C/groups] int8, bias [O]? float32 → y [N,OH,OW,O] float32 */
export const qconv2dDynamic: WasmPrepackingKernel<'qconv2dDynamic', PackedDynamic> = {
  prepack(cx, { weight, bias }, attrs) {
    const [, kh, kw, channels] = (weight as WasmTensor).shape;
    return packDynamic(cx, weight as WasmTensor, bias, attrs, attrs.groups, kh * kw * channels);
  },

  run(cx, { x, weight, y }, attrs, packed) {
    const { groups } = attrs;
    const quantMax = quantMaxOf(attrs.reduceRange);
    const { scale, zeroPoint } = rangeOf(cx, x, quantMax);
    const { m, n, k } = productOf(weight, y, groups);
    const { tile, splits, units, grain } = gemmPlan(cx, packed.form, m, n, k, groups);
    const common = { ...dynamicArgs(cx, packed), scale, y: cx.address(y) };
    if (groups === 1 && isOfPoints(x, weight, y, attrs)) {
      const product = { x: cx.address(x), m, n, k, tile, splits, zeroPoint, quantMax };
      const args = { ...common, ...product, ...cx.scratchEach(64 + tileSize(tile, k)) };
      cx.parallel('qgemmDynamic', args, units, grain);
      return;
    }
    const image = offset(cx.scratch(size(x) + 2 * margin), margin);
    quantizeFlat(cx, cx.address(x), image, size(x), { scale, zeroPoint, quantMax });
    const patchStep = patchStepOf(k);
    const rest = { ...common, ...cx.scratchEach(128 + patchStep * tile + 64 + tileSize(tile, k)) };
    const product = { m, n, tile, splits, patchStep, xZeroPoint: zeroPoint };
    cx.parallel('qconvDynamic', convArgs(rest, image, x, weight, y, attrs, product), units, grain);
  },

  free: freeDynamic,
};
