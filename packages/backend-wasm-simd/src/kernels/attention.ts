import type { AttentionAttrs } from '@octet/backend';
import type { Address } from '../address';
import { keyBlock, panel, unitRows } from '../generated/constants';
import type { KernelContext, WasmKernel, WasmTensor } from '../kernel';
import { fewRows, packable, packedRowsBytes, packPanels, workGrain } from './matmul';

const padded = (n: number) => Math.ceil(n / panel) * panel;

/** What all functions of assembly/attention.ts take. */
function shapesOf(
  cx: KernelContext,
  q: WasmTensor,
  v: WasmTensor,
  mask: WasmTensor | undefined,
  attrs: AttentionAttrs,
) {
  const [batches, heads, rows, width] = q.shape;
  const [, groups, keys, depth] = v.shape;
  const [maskBatches, maskHeads, maskRows] = mask?.shape ?? [0, 0, 0];
  const maskHead = maskRows * keys;
  return {
    sizes: { batches, groups },
    args: {
      ...{ mask: cx.addressIfAny(mask), kind: mask ? (mask.dtype === 'bool' ? 1 : 4) : 0 },
      ...{ maskBatch: maskBatches > 1 ? maskHeads * maskHead : 0, maskHead: maskHeads > 1 ? maskHead : 0 },
      ...{ maskRow: maskRows > 1 ? keys : 0 },
      ...{ heads, group: heads / groups, rows, keys, width, depth, scale: attrs.scale, causal: attrs.causal },
    },
  };
}

/** x [matrices, rows, width] in panels of its rows. */
function packRows(cx: KernelContext, x: WasmTensor, matrices: number): Address {
  const [, , rows, width] = x.shape;
  const source = { matrices, matrixStep: rows * width, n: rows, columnStep: width, k: width, kStep: 1 };
  return packPanels(cx, packable(cx, x), source);
}

/** The same in panels of its columns, block of rows after block. */
function packBlocks(cx: KernelContext, x: WasmTensor, matrices: number): Address {
  const [, , rows, width] = x.shape;
  const packed = cx.scratch(matrices * rows * padded(width) * 4);
  const units = matrices * Math.ceil(rows / keyBlock);
  const grain = Math.ceil(40_000 / (keyBlock * width + 1));
  cx.parallel('packRowBlocks', { x: cx.address(x), packed, rows, width }, units, grain);
  return packed;
}

/** q [N,H,L,E], k [N,G,S,E], v [N,G,S,D], mask? → y [N,H,L,D], logSum [N,H,L]? */
export const attention: WasmKernel<'attention'> = (cx, { q, k, v, mask, y, logSum }, attrs) => {
  const { args, sizes } = shapesOf(cx, q, v, mask, attrs);
  const { heads, rows, keys, width, depth } = args;
  const out = { y: cx.address(y), logSum: cx.addressIfAny(logSum) };
  const all = sizes.batches * heads;
  if (all * rows === 0) return;
  if (rows <= fewRows) {
    const scratch = cx.scratchEach(64 + rows * keys * 4);
    const given = { q: cx.address(q), k: cx.address(k), v: cx.address(v), ...scratch };
    const grain = Math.ceil(workGrain / (4 * rows * keys * (width + depth) + 1));
    cx.parallel('attentionFewRows', { ...args, ...given, ...out }, all, grain);
    return;
  }
  const matrices = sizes.batches * sizes.groups;
  const keysPacked = packRows(cx, k, matrices);
  const valuesPacked = packBlocks(cx, v, matrices);
  const scratchBytes =
    unitRows * (keyBlock + depth + 2) * 4 + 64 + packedRowsBytes(unitRows, Math.max(width, keyBlock));
  const given = { q: cx.address(q), keysPacked, valuesPacked, ...cx.scratchEach(scratchBytes) };
  const work = unitRows * keys * (width + depth + 8);
  cx.parallel(
    'attention',
    { ...args, ...given, ...out },
    all * Math.ceil(rows / unitRows),
    Math.ceil(workGrain / (work + 1)),
  );
};

/** → gradQ, gradK, gradV */
export const attentionBackward: WasmKernel<'attentionBackward'> = (cx, t, attrs) => {
  const { args, sizes } = shapesOf(cx, t.q, t.v, t.mask, attrs);
  const { heads, group, rows, keys, width, depth } = args;
  const matrices = sizes.batches * sizes.groups;
  const all = sizes.batches * heads * rows;
  const gradY = cx.address(t.gradY);
  const inner = cx.scratch(all * 4);
  cx.parallel(
    'rowProducts',
    { a: gradY, b: cx.address(t.y), y: inner, n: depth },
    all,
    Math.ceil(8192 / (depth + 1)),
  );
  const keysPacked = packRows(cx, t.k, matrices);
  const valuesPacked = packRows(cx, t.v, matrices);
  const keyBlocks = packBlocks(cx, t.k, matrices);
  const floats =
    2 * unitRows * keyBlock + unitRows * padded(width) + keyBlock * (padded(width) + padded(depth));
  const scratchBytes = floats * 4 + packedRowsBytes(unitRows, Math.max(width, depth, keyBlock));
  const given = {
    ...{
      q: cx.address(t.q),
      keysPacked,
      valuesPacked,
      keyBlocks,
      logSum: cx.address(t.logSum),
      inner,
      gradY,
    },
    ...{ gradQ: cx.address(t.gradQ), gradK: cx.address(t.gradK), gradV: cx.address(t.gradV) },
    ...cx.scratchEach(scratchBytes),
  };
  const work = group * rows * keys * (3 * width + 2 * depth);
  cx.parallel('attentionBackward', { ...args, ...given }, matrices, Math.ceil(workGrain / (work + 1)));
};
