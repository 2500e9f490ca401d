import type { WasmKernel } from '../kernel';

/** Elements of a block, as in assembly/reductions.ts. */
const block = 4096;

/** x [o,n,i] → y [o,i] */
export const sum: WasmKernel<'sum'> = (cx, { x, y }) => {
  const [outer, n, inner] = x.shape;
  if (inner === 1) {
    // In two steps, so that few long rows have units enough for all threads, and always the same ones.
    const blocks = Math.max(1, Math.ceil(n / block));
    const partial = cx.scratch(outer * blocks * 8);
    cx.parallel('sumBlocks', [cx.address(x), partial, n, blocks], outer * blocks, 8);
    cx.parallel('sumPartials', [partial, cx.address(y), blocks], outer, 4096);
    return;
  }
  const strips = Math.ceil(inner / 4);
  const grain = Math.ceil(8192 / Math.max(1, n));
  cx.parallel('sumColumns', [cx.address(x), cx.address(y), n, inner, strips], outer * strips, grain);
};
