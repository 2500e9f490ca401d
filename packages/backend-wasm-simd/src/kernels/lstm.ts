import { nowhere } from '../address';
import { unitRows } from '../generated/constants';
import type { KernelContext, WasmKernel, WasmPrepackingKernel, WasmTensor } from '../kernel';
import { fewRows, packedRowsBytes, packPanels, workGrain } from './matmul';
import { gemmPlan, tileSize, weightAddresses } from './qgemm';
import { type PackedDynamic, qlinearDynamic } from './qlinear';

/**
 * What the functions of assembly/lstm.ts share, whose units are tiles of sequences. The weight [4H,H] is packed for products of
 * h, to gates, or of gates.
 */
function stepsOf(cx: KernelContext, { shape }: WasmTensor, weight: WasmTensor, toGates: boolean) {
  const [, steps, n, hidden] = shape;
  const gates = 4 * hidden;
  const source = toGates
    ? { n: gates, columnStep: hidden, k: hidden, kStep: 1 }
    : { n: hidden, columnStep: 1, k: gates, kStep: hidden };
  const packed =
    toGates && n <= fewRows
      ? nowhere
      : packPanels(cx, cx.address(weight), { matrices: 1, matrixStep: 0, ...source });
  // Enough tiles for all threads.
  const tile = Math.min(unitRows, Math.max(1, Math.ceil(n / cx.threads / 6)) * 6);
  const scratchStep = tile * gates * 4 + packedRowsBytes(tile, source.k);
  return {
    args: { packed, steps, n, hidden, tile, scratch: cx.scratch(cx.threads * scratchStep), scratchStep },
    units: Math.ceil(n / tile),
    grain: Math.ceil(workGrain / (steps * tile * gates * hidden + 1)),
  };
}

/** x [T,N,4H], weight [4H,H], bias [4H]?, h0, c0 [N,H] → y [2,T,N,H], gates [T,N,4H]? */
export const lstm: WasmKernel<'lstm'> = (cx, { x, weight, bias, h0, c0, y, gates }) => {
  const { args, units, grain } = stepsOf(cx, y, weight, true);
  const tensors = {
    ...{ x: cx.address(x), weight: cx.address(weight), bias: cx.addressIfAny(bias) },
    ...{ h0: cx.address(h0), c0: cx.address(c0), y: cx.address(y), gates: cx.addressIfAny(gates) },
  };
  cx.parallel('lstm', { ...args, ...tensors }, units, grain);
};

/** → gradX [T,N,4H], gradH0, gradC0 [N,H] */
export const lstmBackward: WasmKernel<'lstmBackward'> = (cx, t) => {
  const { args, units, grain } = stepsOf(cx, t.y, t.weight, false);
  const tensors = {
    ...{ c0: cx.address(t.c0), y: cx.address(t.y), gates: cx.address(t.gates), gradY: cx.address(t.gradY) },
    ...{ gradX: cx.address(t.gradX), gradH0: cx.address(t.gradH0), gradC0: cx.address(t.gradC0) },
  };
  cx.parallel('lstmBackward', { ...args, ...tensors }, units, grain);
};

/** lstm with an int8 weight: h by its range at each step. All rows share that, so one thread does them all. */
export const qlstmDynamic: WasmPrepackingKernel<'qlstmDynamic', PackedDynamic> = {
  prepack: (cx, weights, attrs) => qlinearDynamic.prepack(cx, weights, attrs),

  run(cx, { x, h0, c0, y }, { reduceRange }, packed) {
    const [, steps, n, hidden] = y.shape;
    const { tile } = gemmPlan(cx, n, 4 * hidden, hidden, 1);
    const args = {
      ...{ x: cx.address(x), h0: cx.address(h0), c0: cx.address(c0), y: cx.address(y) },
      ...{ steps, n, hidden, tile, quantMax: reduceRange ? 127 : 255, form: packed.form },
      ...weightAddresses(cx, packed),
      ...{ bias8: cx.address(packed.bias), multiplier8: cx.address(packed.multiplier) },
      bias: cx.address(packed.floatBias),
      scratch: cx.scratch(192 + n * hidden * 16 + tileSize(tile, hidden)),
    };
    cx.parallel('qlstm', args, 1);
  },

  free: (cx, packed) => qlinearDynamic.free(cx, packed),
};
