import { HostBuffer } from '@octet/backend-js-reference';
import { chooseQparams } from '@octet/backend-js-reference/kernels';
import type { WasmBuffer } from '../buffers';
import type { WasmPrepackingKernel, WasmTensor } from '../kernel';
import { freeGemm, gemmArgs, gemmPlan, type PackedGemm, packGemm, tileSize, weightAddresses } from './qgemm';

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

export interface PackedDynamic extends PackedGemm {
  /** float32, as many as fill the last panel. */
  floatBias: WasmBuffer;
}

const quantMaxOf = (reduceRange: boolean) => (reduceRange ? 127 : 255);

/** Elements of a block whose range is found at once. */
const block = 16384;

/** x [m,k] float32, weight [n,k] int8, bias [n]? float32 → y float32 */
export const qlinearDynamic: WasmPrepackingKernel<'qlinearDynamic', PackedDynamic> = {
  prepack(cx, { weight, bias }, { weightScale, weightZeroPoint, reduceRange }) {
    const { shape } = weight as WasmTensor;
    // With a zero point of -1 and no bias of its own, the packed bias is the sum of the weights.
    const attrs = {
      weightZeroPoint,
      multiplier: weightScale,
      xZeroPoint: -1,
      yZeroPoint: 0,
      clampMin: 0,
      clampMax: 255,
    };
    const packed = packGemm(cx, weight as WasmTensor, undefined, attrs, 1, shape[1], quantMaxOf(reduceRange));
    const biases = new Float32Array(packed.multiplier.length);
    if (bias) biases.set(cx.buffers.read(bias.buffer, shape[0]) as Float32Array);
    const floatBias = cx.allocate('float32', biases.length);
    cx.buffers.write(floatBias, biases);
    return { ...packed, floatBias };
  },

  run(cx, { x, y }, { reduceRange }, packed) {
    const [m, k] = x.shape;
    const n = y.shape[1];
    const quantMax = quantMaxOf(reduceRange);
    const blocks = Math.ceil((m * k) / block);
    const extremes = cx.scratch(blocks * 8);
    cx.parallel('qrange', { x: cx.address(x), n: m * k, block, extremes }, blocks, 2);
    const found = cx.view('float32', extremes, blocks * 2) as Float32Array;
    let min = 0;
    let max = 0;
    for (let i = 0; i < blocks * 2; i += 2) {
      min = Math.min(min, found[i]);
      max = Math.max(max, found[i + 1]);
    }
    const { scale, zeroPoint } = dynamicQparams(min, max, quantMax);

    const { tile, splits, units, grain } = gemmPlan(cx, packed.form, m, n, k, 1);
    const args = {
      ...weightAddresses(cx, packed),
      ...{ x: cx.address(x), m, k, n, tile, splits, scale, zeroPoint, quantMax, form: packed.form },
      ...{ bias8: cx.address(packed.bias), multiplier8: cx.address(packed.multiplier) },
      ...{ bias: cx.address(packed.floatBias), y: cx.address(y) },
      ...cx.scratchEach(64 + tileSize(tile, k)),
    };
    cx.parallel('qgemmDynamic', args, units, grain);
  },

  free(cx, packed) {
    freeGemm(cx, packed);
    cx.free(packed.floatBias);
  },
};

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
