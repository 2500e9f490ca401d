import { bytesPerElement, type CopyAxis, type CopyStridedAttrs, mergeAxes } from '@octet/backend';
import { type Address, offset } from '../address';
import type { KernelContext, WasmKernel } from '../kernel';

/** Elements of a unit of work, about, and units worth a thread. */
const unitElements = 4096;
const grain = 8;

/** Brings the axis along which x's elements are next to each other beside the innermost: then planes can be transposed. */
function bringClose(axes: CopyAxis[]): CopyAxis[] {
  const close = axes.findIndex(({ xStride }) => xStride === 1);
  if (close < 0 || close >= axes.length - 2 || axes[axes.length - 1].yStride !== 1) return axes;
  const [axis] = axes.splice(close, 1);
  axes.splice(axes.length - 1, 0, axis);
  return axes;
}

/**
 * The slowest in y first: then what is next to each other there is written together. Not if that is next to nothing, but for the
 * colours of images.
 */
function inOrderOfY(axes: CopyAxis[], bytes: number): CopyAxis[] {
  const sorted = [...axes].sort((a, b) => b.yStride - a.yStride);
  const last = sorted.at(-1)?.length ?? 0;
  return last >= 4 || (last === 3 && bytes === 1) ? sorted : axes;
}

export const copyStrided: WasmKernel<'copyStrided'> = (cx, { x, y }, attrs) =>
  copyAt(cx, cx.address(x), cx.address(y), bytesPerElement(y.dtype), attrs);

/** The same between addresses, of elements of so many bytes. */
export function copyAt(
  cx: KernelContext,
  x: Address,
  y: Address,
  bytes: number,
  attrs: CopyStridedAttrs,
): void {
  const axes = bringClose(inOrderOfY(mergeAxes(attrs), bytes));
  if (axes.some(({ length }) => length === 0)) return;
  while (axes.length < 2) axes.unshift({ length: 1, xStride: 0, yStride: 0 });
  // One long run: in pieces.
  const [row, run] = axes.slice(-2);
  if (row.length === 1 && run.xStride === 1 && run.yStride === 1 && run.length % unitElements === 0) {
    axes.splice(-2, 2, { length: run.length / unitElements, xStride: unitElements, yStride: unitElements });
    axes.push({ length: unitElements, xStride: 1, yStride: 1 });
  }
  const { length: rows } = axes[axes.length - 2];
  const { length: columns } = axes[axes.length - 1];
  const outer = axes.slice(0, -2).reduce((n, { length }) => n * length, 1);
  // A multiple of the transposition's squares.
  const blockRows = Math.max(1, Math.ceil(unitElements / columns / 8)) * 8;
  const table = Int32Array.from(axes.flatMap((a) => [a.length, a.xStride * bytes, a.yStride * bytes]));
  const args = {
    axes: cx.upload(table),
    x: offset(x, attrs.xOffset * bytes),
    y: offset(y, attrs.yOffset * bytes),
    ...{ count: axes.length, elementBytes: bytes, blockRows },
  };
  const units = outer * Math.ceil(rows / blockRows);
  const unit = Math.min(rows, blockRows) * columns;
  const least = Math.ceil((grain * unitElements) / unit);
  cx.parallel('copyStrided', args, units, least);
}
