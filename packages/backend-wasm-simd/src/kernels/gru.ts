import type { WasmKernel, WasmPrepackingKernel } from '../kernel';
import { type PackedDynamic, qlinearDynamic } from './qlinear';
import { overSteps, overStepsDynamic } from './recurrent';

/** x [T,N,3H], weight [3H,H], bias [3H]?, h0 [N,H] → y [T,N,H], gates [T,N,4H]? */
export const gru: WasmKernel<'gru'> = (cx, { x, weight, bias, h0, y, gates }) =>
  overSteps(cx, 'gru', x.shape[0], h0, weight, true, [x, weight, bias, h0, y, gates]);

/** → gradX, gradHidden [T,N,3H], gradH0 [N,H] */
export const gruBackward: WasmKernel<'gruBackward'> = (cx, t) => {
  const tensors = [t.h0, t.y, t.gates, t.gradY, t.gradX, t.gradHidden, t.gradH0];
  overSteps(cx, 'gruBackward', t.gates.shape[0], t.h0, t.weight, false, tensors);
};

/** gru with an int8 weight */
export const qgruDynamic: WasmPrepackingKernel<'qgruDynamic', PackedDynamic> = {
  prepack: (cx, weights, attrs) => qlinearDynamic.prepack(cx, weights, attrs),
  run: (cx, { x, h0, y }, { reduceRange }, packed) =>
    overStepsDynamic(cx, 'qgru', x, h0, [x, h0, y], reduceRange, packed),
  free: (cx, packed) => qlinearDynamic.free(cx, packed),
};
