import type { WasmKernel, WasmPrepackingKernel } from '../kernel';
import type { PackedDynamic } from './dynamic';
import { qlinearDynamic } from './qlinear';
import { dynamicStepsOf, stepsOf } from './recurrent';

/** x [T,N,4H], weight [4H,H], bias [4H]?, h0, c0 [N,H] → y [2,T,N,H], gates [T,N,4H]? */
export const lstm: WasmKernel<'lstm'> = (cx, { x, weight, bias, h0, c0, y, gates }) => {
  const { args, units, grain } = stepsOf(cx, x.shape[0], h0, weight, true);
  const tensors = {
    ...{ x: cx.address(x), weight: cx.address(weight), bias: cx.addressIfAny(bias) },
    ...{ h0: cx.address(h0), c0: cx.address(c0), y: cx.address(y), gates: cx.addressIfAny(gates) },
  };
  cx.parallel('lstm', { ...args, ...tensors }, units, grain);
};

/** → gradX [T,N,4H], gradH0, gradC0 [N,H] */
export const lstmBackward: WasmKernel<'lstmBackward'> = (cx, t) => {
  const { args, units, grain } = stepsOf(cx, t.gates.shape[0], t.c0, t.weight, false);
  const tensors = {
    ...{ c0: cx.address(t.c0), y: cx.address(t.y), gates: cx.address(t.gates), gradY: cx.address(t.gradY) },
    ...{ gradX: cx.address(t.gradX), gradH0: cx.address(t.gradH0), gradC0: cx.address(t.gradC0) },
  };
  cx.parallel('lstmBackward', { ...args, ...tensors }, units, grain);
};

/** lstm with an int8 weight */
export const qlstmDynamic: WasmPrepackingKernel<'qlstmDynamic', PackedDynamic> = {
  prepack: (cx, weights, attrs) => qlinearDynamic.prepack(cx, weights, attrs),

  run(cx, { x, h0, c0, y }, { reduceRange }, packed) {
    const args = dynamicStepsOf(cx, x, h0, reduceRange, packed);
    cx.parallel('qlstm', { ...args, c0: cx.address(c0), y: cx.address(y) }, 1);
  },

  free: (cx, packed) => qlinearDynamic.free(cx, packed),
};
