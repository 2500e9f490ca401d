import type { WasmBuffer } from '../buffers';
import type { WasmFunction } from '../generated/exports';
import type { KernelContext, WasmKernel, WasmPrepackingKernel, WasmTensor } from '../kernel';
import { fewRows, packedRowsBytes, packPanels, rows, workGrain } from './matmul';
import { gemmPlan, tileSize, weightAddresses } from './qgemm';
import { type PackedDynamic, qlinearDynamic } from './qlinear';

/**
 * Calls a function of assembly/lstm.ts whose units are tiles of sequences. The weight [4H,H] is packed for products of h, to
 * gates, or of gates.
 */
function overSteps(
  cx: KernelContext,
  name: WasmFunction,
  { shape }: WasmTensor,
  weight: WasmTensor,
  toGates: boolean,
  tensors: readonly (WasmTensor | undefined)[],
): void {
  const [, steps, n, hidden] = shape;
  const gates = 4 * hidden;
  const source = toGates
    ? { n: gates, columnStep: hidden, k: hidden, kStep: 1 }
    : { n: hidden, columnStep: 1, k: gates, kStep: hidden };
  const packed =
    toGates && n <= fewRows
      ? 0
      : packPanels(cx, cx.address(weight), { matrices: 1, matrixStep: 0, ...source });
  // Enough tiles for all threads.
  const tile = Math.min(rows, Math.max(1, Math.ceil(n / cx.threads / 6)) * 6);
  const room = tile * gates * 4 + packedRowsBytes(tile, source.k);
  const args = [packed, ...tensors.map((t) => (t ? cx.address(t) : 0)), steps, n, hidden, tile];
  args.push(cx.scratch(cx.threads * room), room);
  cx.parallel(name, args, Math.ceil(n / tile), Math.ceil(workGrain / (steps * tile * gates * hidden + 1)));
}

/** x [T,N,4H], weight [4H,H], bias [4H]?, h0, c0 [N,H] → y [2,T,N,H], gates [T,N,4H]? */
export const lstm: WasmKernel<'lstm'> = (cx, { x, weight, bias, h0, c0, y, gates }) =>
  overSteps(cx, 'lstm', y, weight, true, [x, weight, bias, h0, c0, y, gates]);

/** → gradX [T,N,4H], gradH0, gradC0 [N,H] */
export const lstmBackward: WasmKernel<'lstmBackward'> = (cx, t) =>
  overSteps(cx, 'lstmBackward', t.y, t.weight, false, [
    t.c0,
    t.y,
    t.gates,
    t.gradY,
    t.gradX,
    t.gradH0,
    t.gradC0,
  ]);

/** lstm with an int8 weight: h by its range at each step. All rows share that, so one thread does them all. */
export const qlstmDynamic: WasmPrepackingKernel<'qlstmDynamic', PackedDynamic> = {
  prepack: (cx, weights, attrs) => qlinearDynamic.prepack(cx, weights, attrs),

  run(cx, { x, h0, c0, y }, { reduceRange }, packed) {
    const [, steps, n, hidden] = y.shape;
    const { tile } = gemmPlan(cx, n, 4 * hidden, hidden, 1);
    const at = (of: WasmTensor | WasmBuffer) => cx.address(of);
    const args = [...[x, h0, c0, y].map(at), steps, n, hidden, tile, reduceRange ? 127 : 255];
    args.push(packed.form, ...weightAddresses(cx, packed));
    args.push(...[packed.bias, packed.multiplier, packed.floatBias].map(at));
    cx.parallel('qlstm', [...args, cx.scratch(192 + n * hidden * 16 + tileSize(tile, hidden))], 1);
  },

  free: (cx, packed) => qlinearDynamic.free(cx, packed),
};
