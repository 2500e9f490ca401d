import type { TypedArray } from '@octet/backend';

/** Copies `rows` × `columns` elements of `from`, at any strides, to dense rows of `to`. */
export function packRows(
  from: TypedArray,
  offset: number,
  rows: number,
  columns: number,
  rowStride: number,
  columnStride: number,
  to: Float64Array,
): void {
  if (columnStride === 1 && rowStride === columns) {
    to.set(from.subarray(offset, offset + rows * columns));
    return;
  }
  for (let i = 0; i < rows; i++) {
    let at = offset + i * rowStride;
    for (let j = i * columns, end = j + columns; j < end; j++, at += columnStride) to[j] = from[at];
  }
}
