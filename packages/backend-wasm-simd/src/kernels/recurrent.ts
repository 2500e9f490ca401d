import { nowhere } from '../address';
import { unitRows } from '../generated/constants';
import type { KernelContext, WasmTensor } from '../kernel';
import { dynamicArgs, type PackedDynamic, quantMaxOf } from './dynamic';
import { fewRows, packable, packedRowsBytes, packPanels, workGrain } from './matmul';
import { gemmPlan, tileSize } from './qgemm';

/**
 * What the functions of assembly/lstm.ts and gru.ts share, whose units are tiles of sequences; h0 is [N,H]. The weight [gates,H] is
 * packed for products of h, to gates, or of gates.
 */
export function stepsOf(
  cx: KernelContext,
  steps: number,
  h0: WasmTensor,
  weight: WasmTensor,
  toGates: boolean,
) {
  const [n, hidden] = h0.shape;
  const gates = weight.shape[0];
  const source = toGates
    ? { n: gates, columnStep: hidden, k: hidden, kStep: 1 }
    : { n: hidden, columnStep: 1, k: gates, kStep: hidden };
  const packed =
    toGates && n <= fewRows
      ? nowhere
      : packPanels(cx, packable(cx, weight), { matrices: 1, matrixStep: 0, ...source });
  // Enough tiles for all threads.
  const tile = Math.min(unitRows, Math.max(1, Math.ceil(n / cx.threads / 6)) * 6);
  const scratch = cx.scratchEach((tile * gates + hidden) * 4 + packedRowsBytes(tile, source.k));
  return {
    args: { packed, steps, n, hidden, tile, ...scratch },
    units: Math.ceil(n / tile),
    grain: Math.ceil(workGrain / (steps * tile * gates * hidden + 1)),
  };
}

/**
 * The same with an int8 weight that qlinearDynamic packed: h by its range at each step. All rows share that, so one thread does
 * them all. x [T,N,gates], h0 [N,H].
 */
export function dynamicStepsOf(
  cx: KernelContext,
  x: WasmTensor,
  h0: WasmTensor,
  reduceRange: boolean,
  packed: PackedDynamic,
) {
  const [steps, n, gates] = x.shape;
  const hidden = h0.shape[1];
  const { tile } = gemmPlan(cx, packed.form, n, gates, hidden, 1);
  return {
    ...{ x: cx.address(x), h0: cx.address(h0) },
    ...{ steps, n, hidden, tile, quantMax: quantMaxOf(reduceRange) },
    ...dynamicArgs(cx, packed),
    scratch: cx.scratch(192 + (n * gates + hidden) * 4 + tileSize(tile, hidden)),
  };
}
