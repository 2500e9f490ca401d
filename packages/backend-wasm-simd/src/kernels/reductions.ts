import { sumBlock } from '../generated/constants';
import type { WasmKernel } from '../kernel';

/** x [o,n,i] → y [o,i] */
export const sum: WasmKernel<'sum'> = (cx, { x, y }) => {
  const [outer, n, inner] = x.shape;
  if (inner === 1) {
    // In two steps, so that few long rows have units enough for all threads, and always the same ones.
    const blocks = Math.max(1, Math.ceil(n / sumBlock));
    const partial = cx.scratch(outer * blocks * 8);
    cx.parallel('sumBlocks', { x: cx.address(x), partial, n, blocks }, outer * blocks, 8);
    cx.parallel('sumPartials', { partial, y: cx.address(y), blocks }, outer, 4096);
    return;
  }
  const strips = Math.ceil(inner / 4);
  const grain = Math.ceil(8192 / Math.max(1, n));
  cx.parallel('sumColumns', { x: cx.address(x), y: cx.address(y), n, inner, strips }, outer * strips, grain);
};
