import type { DynamicLinearAttrs, RequantizeAttrs } from '@octet/backend';
import { HostBuffer } from '@octet/backend-js-reference';
import { chooseQparams } from '@octet/backend-js-reference/kernels';
import type { WasmBuffer } from '../buffers';
import { qpanel as panel } from '../generated/constants';
import { type KernelContext, size, type WasmTensor } from '../kernel';
import { freeGemm, type PackedGemm, packGemm, weightAddresses } from './qgemm';

/** Weights for activations that are quantized at every call. */
export interface PackedDynamic extends PackedGemm {
  /** float32, as many as fill the last panel of each group. */
  floatBias: WasmBuffer;
}

export const quantMaxOf = (reduceRange: boolean) => (reduceRange ? 127 : 255);

/** weight [groups · n, k] int8, bias [groups · n]? float32 */
export function packDynamic(
  cx: KernelContext,
  weight: WasmTensor,
  bias: WasmTensor | undefined,
  attrs: DynamicLinearAttrs,
  groups: number,
  k: number,
): PackedDynamic {
  const packed = packGemm(cx, weight, undefined, sumsAsBias(attrs), groups, k, quantMaxOf(attrs.reduceRange));
  return { ...packed, floatBias: packBias(cx, bias, weight.shape[0] / groups, groups) };
}

/** With a zero point of -1 and no bias of its own, the packed bias is the sum of the weights. */
export function sumsAsBias({ weightScale, weightZeroPoint }: DynamicLinearAttrs): RequantizeAttrs {
  return {
    ...{ weightZeroPoint, multiplier: weightScale, xZeroPoint: -1 },
    ...{ yZeroPoint: 0, clampMin: 0, clampMax: 255 },
  };
}

/** bias [groups · n]? float32, each group's as many as fill its panels. */
export function packBias(
  cx: KernelContext,
  bias: WasmTensor | undefined,
  n: number,
  groups: number,
): WasmBuffer {
  const each = Math.ceil(n / panel) * panel;
  const biases = new Float32Array(groups * each);
  if (bias) {
    const values = cx.buffers.read(bias.buffer, groups * n) as Float32Array;
    for (let g = 0; g < groups; g++) biases.set(values.subarray(g * n, (g + 1) * n), g * each);
  }
  const packed = cx.allocate('float32', biases.length);
  cx.buffers.write(packed, biases);
  return packed;
}

export function freeDynamic(cx: KernelContext, packed: PackedDynamic): void {
  freeGemm(cx, packed);
  cx.free(packed.floatBias);
}

/** The packed weights as the wasm functions qgemmDynamic and qconvDynamic take them. */
export function dynamicArgs(cx: KernelContext, packed: PackedDynamic) {
  return {
    ...weightAddresses(cx, packed),
    ...{ form: packed.form, bias8: cx.address(packed.bias), multiplier8: cx.address(packed.multiplier) },
    bias: cx.address(packed.floatBias),
  };
}

/** Elements of a block whose range is found at once. */
const block = 16384;

/** Scale and zero point of x by its own range, 0 included. Looks at x. */
export function rangeOf(cx: KernelContext, x: WasmTensor, quantMax: number) {
  const n = size(x);
  const blocks = Math.ceil(n / block);
  const extremes = cx.scratch(blocks * 8);
  cx.parallel('qrange', { x: cx.address(x), n, block, extremes }, blocks, 2);
  const found = cx.view('float32', extremes, blocks * 2) as Float32Array;
  let min = 0;
  let max = 0;
  for (let i = 0; i < blocks * 2; i += 2) {
    min = Math.min(min, found[i]);
    max = Math.max(max, found[i + 1]);
  }
  return dynamicQparams(min, max, quantMax);
}

/** The reference's own chooseQparams, so that there is one definition. */
function dynamicQparams(min: number, max: number, quantMax: number): { scale: number; zeroPoint: number } {
  const one = (dtype: 'float32' | 'int32', value = 0) => {
    const buffer = new HostBuffer(dtype, 1);
    buffer.data[0] = value;
    return { buffer, dtype, shape: [1] };
  };
  const tensors = {
    minVal: one('float32', min),
    maxVal: one('float32', max),
    scale: one('float32'),
    zeroPoint: one('int32'),
  };
  chooseQparams(tensors, { quantMin: 0, quantMax, symmetric: false });
  const result = { scale: tensors.scale.buffer.data[0], zeroPoint: tensors.zeroPoint.buffer.data[0] };
  for (const { buffer } of Object.values(tensors)) buffer.free();
  return result;
}
