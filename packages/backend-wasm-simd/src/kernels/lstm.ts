import type { WasmKernel, WasmPrepackingKernel } from '../kernel';
import { type PackedDynamic, qlinearDynamic } from './qlinear';
import { overSteps, overStepsDynamic } from './recurrent';

/** x [T,N,4H], weight [4H,H], bias [4H]?, h0, c0 [N,H] → y [2,T,N,H], gates [T,N,4H]? */
export const lstm: WasmKernel<'lstm'> = (cx, { x, weight, bias, h0, c0, y, gates }) =>
  overSteps(cx, 'lstm', x.shape[0], h0, weight, true, [x, weight, bias, h0, c0, y, gates]);

/** → gradX [T,N,4H], gradH0, gradC0 [N,H] */
export const lstmBackward: WasmKernel<'lstmBackward'> = (cx, t) => {
  const tensors = [t.c0, t.y, t.gates, t.gradY, t.gradX, t.gradH0, t.gradC0];
  overSteps(cx, 'lstmBackward', t.gates.shape[0], t.c0, t.weight, false, tensors);
};

/** lstm with an int8 weight */
export const qlstmDynamic: WasmPrepackingKernel<'qlstmDynamic', PackedDynamic> = {
  prepack: (cx, weights, attrs) => qlinearDynamic.prepack(cx, weights, attrs),
  run: (cx, { x, h0, c0, y }, { reduceRange }, packed) =>
    overStepsDynamic(cx, 'qlstm', x, h0, [x, h0, c0, y], reduceRange, packed),
  free: (cx, packed) => qlinearDynamic.free(cx, packed),
};
