import type { WasmBuffer } from '../buffers';
import type { WasmFunction } from '../generated/exports';
import type { KernelContext, WasmTensor } from '../kernel';
import { fewRows, packedRowsBytes, packPanels, rows, workGrain } from './matmul';
import { gemmPlan, tileSize, weightAddresses } from './qgemm';
import type { PackedDynamic } from './qlinear';

/**
 * Calls a function of assembly/lstm.ts or gru.ts whose units are tiles of sequences; h0 is [N,H]. The weight [gates,H] is packed
 * for products of h, to gates, or of gates.
 */
export function overSteps(
  cx: KernelContext,
  name: WasmFunction,
  steps: number,
  h0: WasmTensor,
  weight: WasmTensor,
  toGates: boolean,
  tensors: readonly (WasmTensor | undefined)[],
): void {
  const [n, hidden] = h0.shape;
  const gates = weight.shape[0];
  const source = toGates
    ? { n: gates, columnStep: hidden, k: hidden, kStep: 1 }
    : { n: hidden, columnStep: 1, k: gates, kStep: hidden };
  const packed =
    toGates && n <= fewRows
      ? 0
      : packPanels(cx, cx.address(weight), { matrices: 1, matrixStep: 0, ...source });
  // Enough tiles for all threads.
  const tile = Math.min(rows, Math.max(1, Math.ceil(n / cx.threads / 6)) * 6);
  const room = (tile * gates + hidden) * 4 + packedRowsBytes(tile, source.k);
  const args = [packed, ...tensors.map((t) => (t ? cx.address(t) : 0)), steps, n, hidden, tile];
  args.push(cx.scratch(cx.threads * room), room);
  cx.parallel(name, args, Math.ceil(n / tile), Math.ceil(workGrain / (steps * tile * gates * hidden + 1)));
}

/**
 * The same with an int8 weight that qlinearDynamic packed: h by its range at each step. All rows share that, so one thread does
 * them all. x [T,N,gates], h0 [N,H].
 */
export function overStepsDynamic(
  cx: KernelContext,
  name: WasmFunction,
  x: WasmTensor,
  h0: WasmTensor,
  tensors: readonly WasmTensor[],
  reduceRange: boolean,
  packed: PackedDynamic,
): void {
  const [steps, n, gates] = x.shape;
  const hidden = h0.shape[1];
  const { tile } = gemmPlan(cx, n, gates, hidden, 1);
  const at = (of: WasmTensor | WasmBuffer) => cx.address(of);
  const args = [...tensors.map(at), steps, n, hidden, tile, reduceRange ? 127 : 255];
  args.push(packed.form, ...weightAddresses(cx, packed));
  args.push(...[packed.bias, packed.multiplier, packed.floatBias].map(at));
  const room = 192 + (n * gates + hidden) * 4 + tileSize(tile, hidden);
  cx.parallel(name, [...args, cx.scratch(room)], 1);
}
