import { offset } from '../address';
import type { WasmBuffer } from '../buffers';
import { formExact } from '../generated/constants';
import { size, type WasmPrepackingKernel, type WasmTensor } from '../kernel';
import {
  dynamicArgs,
  freeDynamic,
  type PackedDynamic,
  packBias,
  packDynamic,
  quantMaxOf,
  rangeOf,
  sumsAsBias,
} from './dynamic';
import {
  convArgs,
  depthwiseCall,
  freeDepthwise,
  isByPlanes,
  isOfPoints,
  type PackedDepthwise,
  packDepthwise,
  patchStepOf,
  productOf,
} from './qconv2d';
import { gemmPlan, tileSize } from './qgemm';
import { quantizeFlat } from './quantize';

type Packed = ({ kind: 'gemm' } & PackedDynamic) | (PackedDepthwise & { floatBias: WasmBuffer });

/** Bytes before and after an image that gathering patches may read. */
const margin = 64;

/** x [N,H,W,C] float32, weight [O,kh,kw,C/groups] int8, bias [O]? float32 → y [N,OH,OW,O] float32 */
export const qconv2dDynamic: WasmPrepackingKernel<'qconv2dDynamic', Packed> = {
  prepack(cx, tensors, attrs) {
    const { groups } = attrs;
    const weight = tensors.weight as WasmTensor;
    const [outputs, kh, kw, channels] = weight.shape;
    if (!isByPlanes({ groups, groupIn: channels, groupOut: outputs / groups }, kh * kw, attrs)) {
      return { kind: 'gemm', ...packDynamic(cx, weight, tensors.bias, attrs, groups, kh * kw * channels) };
    }
    const packed = packDepthwise(cx, weight, undefined, { ...attrs, ...sumsAsBias(attrs) }, formExact);
    return { ...packed, floatBias: packBias(cx, tensors.bias, outputs, 1) };
  },

  run(cx, { x, weight, y }, attrs, packed) {
    const { groups } = attrs;
    const quantMax = quantMaxOf(attrs.reduceRange);
    const { scale, zeroPoint } = rangeOf(cx, x, quantMax);
    const quantized = () => {
      const image = offset(cx.scratch(size(x) + 2 * margin), margin);
      quantizeFlat(cx, cx.address(x), image, size(x), { scale, zeroPoint, quantMax });
      return image;
    };
    if (packed.kind === 'depthwise') {
      // The sums of the weights are in the sums once.
      const bits = new Int32Array(8).fill(-1 - zeroPoint);
      new Float32Array(bits.buffer).fill(scale, 4);
      const own = { ...attrs, xZeroPoint: zeroPoint };
      const call = depthwiseCall(cx, quantized(), x, weight, y, own, packed, cx.upload(bits));
      const args = { ...call.args, bias: cx.address(packed.floatBias) };
      cx.parallel('qdepthwiseDynamic', args, call.units, call.grain);
      return;
    }
    const { m, n, k } = productOf(weight, y, groups);
    const { tile, splits, units, grain } = gemmPlan(cx, packed.form, m, n, k, groups);
    const common = { ...dynamicArgs(cx, packed), scale, y: cx.address(y) };
    if (groups === 1 && isOfPoints(x, weight, y, attrs)) {
      const product = { x: cx.address(x), m, n, k, tile, splits, zeroPoint, quantMax };
      const args = { ...common, ...product, ...cx.scratchEach(64 + tileSize(tile, k)) };
      cx.parallel('qgemmDynamic', args, units, grain);
      return;
    }
    const patchStep = patchStepOf(k);
    const rest = { ...common, ...cx.scratchEach(128 + patchStep * tile + 64 + tileSize(tile, k)) };
    const product = { m, n, tile, splits, patchStep, xZeroPoint: zeroPoint };
    cx.parallel('qconvDynamic', convArgs(rest, quantized(), x, weight, y, attrs, product), units, grain);
  },

  free(cx, packed) {
    if (packed.kind === 'gemm') freeDynamic(cx, packed);
    else {
      freeDepthwise(cx, packed);
      cx.free(packed.floatBias);
    }
  },
};
