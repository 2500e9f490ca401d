import type { WasmKernel, WasmPrepackingKernel } from '../kernel';
import type { PackedDynamic } from './dynamic';
import { qlinearDynamic } from './qlinear';
import { dynamicStepsOf, stepsOf } from './recurrent';

/** x [T,N,3H], weight [3H,H], bias [3H]?, h0 [N,H] → y [T,N,H], gates [T,N,4H]? */
export const gru: WasmKernel<'gru'> = (cx, { x, weight, bias, h0, y, gates }) => {
  const { args, units, grain } = stepsOf(cx, x.shape[0], h0, weight, true);
  const tensors = {
    ...{ x: cx.address(x), weight: cx.address(weight), bias: cx.addressIfAny(bias) },
    ...{ h0: cx.address(h0), y: cx.address(y), gates: cx.addressIfAny(gates) },
  };
  cx.parallel('gru', { ...args, ...tensors }, units, grain);
};

/** → gradX, gradHidden [T,N,3H], gradH0 [N,H] */
export const gruBackward: WasmKernel<'gruBackward'> = (cx, t) => {
  const { args, units, grain } = stepsOf(cx, t.gates.shape[0], t.h0, t.weight, false);
  const tensors = {
    ...{ h0: cx.address(t.h0), y: cx.address(t.y), gates: cx.address(t.gates), gradY: cx.address(t.gradY) },
    ...{ gradX: cx.address(t.gradX), gradHidden: cx.address(t.gradHidden), gradH0: cx.address(t.gradH0) },
  };
  cx.parallel('gruBackward', { ...args, ...tensors }, units, grain);
};

/** gru with an int8 weight */
export const qgruDynamic: WasmPrepackingKernel<'qgruDynamic', PackedDynamic> = {
  prepack: (cx, weights, attrs) => qlinearDynamic.prepack(cx, weights, attrs),

  run(cx, { x, h0, y }, { reduceRange }, packed) {
    const args = dynamicStepsOf(cx, x, h0, reduceRange, packed);
    cx.parallel('qgru', { ...args, y: cx.address(y) }, 1);
  },

  free: (cx, packed) => qlinearDynamic.free(cx, packed),
};
