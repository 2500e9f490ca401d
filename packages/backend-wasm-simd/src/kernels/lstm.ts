import type { KernelContext, WasmKernel, WasmPrepackingKernel } from '../kernel';
import { fewRows, packedRowsBytes, packPanels, rows, workGrain } from './matmul';
import { gemmPlan, tileSize, weightAddresses } from './qgemm';
import { type PackedDynamic, qlinearDynamic } from './qlinear';

/** Sequences of a batch for one unit of work: enough of them for all threads. */
function tiles(cx: KernelContext, steps: number, n: number, hidden: number) {
  const tile = Math.min(rows, Math.max(fewRows, Math.ceil(n / cx.threads / 6) * 6));
  const grain = Math.ceil(workGrain / (steps * tile * 4 * hidden * hidden + 1));
  return { tile, units: Math.ceil(n / tile), grain };
}

/** x [T,N,4H], weight [4H,H], bias [4H]?, h0, c0 [N,H] → y [2,T,N,H], gates [T,N,4H]? */
export const lstm: WasmKernel<'lstm'> = (cx, { x, weight, bias, h0, c0, y, gates }) => {
  const [, steps, n, hidden] = y.shape;
  const { tile, units, grain } = tiles(cx, steps, n, hidden);
  const source = { matrices: 1, matrixStep: 0, n: 4 * hidden, columnStep: hidden, k: hidden, kStep: 1 };
  const weightAt = cx.address(weight);
  const packed = n > fewRows ? packPanels(cx, weightAt, source) : 0;
  const scratchStep = tile * hidden * 16 + packedRowsBytes(tile, hidden);
  const args = [cx.address(x), weightAt, packed, bias ? cx.address(bias) : 0, cx.address(h0), cx.address(c0)];
  args.push(cx.address(y), gates ? cx.address(gates) : 0, steps, n, hidden, tile);
  cx.parallel('lstm', [...args, cx.scratch(cx.threads * scratchStep), scratchStep], units, grain);
};

/** → gradX [T,N,4H], gradH0, gradC0 [N,H] */
export const lstmBackward: WasmKernel<'lstmBackward'> = (cx, t) => {
  const [, steps, n, hidden] = t.y.shape;
  const { tile, units, grain } = tiles(cx, steps, n, hidden);
  const source = { matrices: 1, matrixStep: 0, n: hidden, columnStep: 1, k: 4 * hidden, kStep: hidden };
  const packed = packPanels(cx, cx.address(t.weight), source);
  const scratchStep = 2 * hidden * 4 + packedRowsBytes(tile, 4 * hidden);
  const tensors = [t.c0, t.y, t.gates, t.gradY, t.gradX, t.gradH0, t.gradC0].map((of) => cx.address(of));
  const args = [packed, ...tensors, steps, n, hidden, tile, cx.scratch(cx.threads * scratchStep), scratchStep];
  cx.parallel('lstmBackward', args, units, grain);
};

/** lstm with an int8 weight: h by its range at each step. All rows share that, so one thread does them all. */
export const qlstmDynamic: WasmPrepackingKernel<'qlstmDynamic', PackedDynamic> = {
  prepack: (cx, weights, attrs) => qlinearDynamic.prepack(cx, weights, attrs),

  run(cx, { x, h0, c0, y }, { reduceRange }, packed) {
    const [, steps, n, hidden] = y.shape;
    const { tile } = gemmPlan(cx, n, 4 * hidden, hidden, 1);
    const args = [cx.address(x), cx.address(h0), cx.address(c0), cx.address(y), steps, n, hidden, tile];
    args.push(reduceRange ? 127 : 255, ...weightAddresses(cx, packed));
    for (const b of [packed.bias, packed.multiplier, packed.floatBias]) args.push(cx.address(b));
    args.push(cx.scratch(192 + n * hidden * 16 + tileSize(tile, hidden)));
    cx.parallel('qlstm', args, 1);
  },

  free: (cx, packed) => qlinearDynamic.free(cx, packed),
};
