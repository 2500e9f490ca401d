import { type CopyAxis, mergeAxes, type TypedArray } from '@octet/backend';
import type { RefKernel } from '../kernel';

/** For every index of `shape`: y[yOffset + index·yStrides] = x[xOffset + index·xStrides]; other elements of y stay. */
export const copyStrided: RefKernel<'copyStrided'> = ({ x, y }, attrs) => {
  const axes = mergeAxes(attrs);
  if (axes.length === 0) axes.push({ length: 1, xStride: 1, yStride: 1 });
  if (axes.some(({ length }) => length === 0)) return;
  copy(bits(x.buffer.data), bits(y.buffer.data), axes, 0, attrs.xOffset, attrs.yOffset);
};

/** The same memory as integers where that is possible: NaNs keep their bits, and the loop sees fewer types. */
function bits(data: TypedArray): TypedArray {
  switch (data.BYTES_PER_ELEMENT) {
    case 1:
      return new Uint8Array(data.buffer, data.byteOffset, data.length);
    case 4:
      return new Int32Array(data.buffer, data.byteOffset, data.length);
    default:
      return data;
  }
}

function copy(
  x: TypedArray,
  y: TypedArray,
  axes: readonly CopyAxis[],
  depth: number,
  from: number,
  to: number,
): void {
  const { length, xStride, yStride } = axes[depth];
  if (depth < axes.length - 1) {
    for (let i = 0; i < length; i++) {
      copy(x, y, axes, depth + 1, from, to);
      from += xStride;
      to += yStride;
    }
  } else if (xStride === 1 && yStride === 1 && length >= 32) {
    y.set(x.subarray(from, from + length), to);
  } else {
    for (let i = 0; i < length; i++) {
      y[to] = x[from];
      from += xStride;
      to += yStride;
    }
  }
}
