import type { CopyStridedAttrs, TypedArray } from '@octet/backend';
import type { RefKernel } from '../kernel';

/** For every index of `shape`: y[yOffset + index·yStrides] = x[xOffset + index·xStrides]; other elements of y stay. */
export const copyStrided: RefKernel<'copyStrided'> = ({ x, y }, attrs) => {
  const axes = mergeAxes(attrs);
  if (axes.some(({ length }) => length === 0)) return;
  copy(bits(x.buffer.data), bits(y.buffer.data), axes, 0, attrs.xOffset, attrs.yOffset);
};

interface Axis {
  length: number;
  xStride: number;
  yStride: number;
}

/** As few axes as possible, at least one: an axis that merely continues the next one becomes part of it. */
function mergeAxes({ shape, xStrides, yStrides }: CopyStridedAttrs): Axis[] {
  const axes: Axis[] = [];
  for (let i = 0; i < shape.length; i++) {
    if (shape[i] === 1) continue;
    const axis = { length: shape[i], xStride: xStrides[i], yStride: yStrides[i] };
    const outer = axes.at(-1);
    if (
      outer &&
      outer.xStride === axis.length * axis.xStride &&
      outer.yStride === axis.length * axis.yStride
    ) {
      axis.length *= outer.length;
      axes.pop();
    }
    axes.push(axis);
  }
  return axes.length > 0 ? axes : [{ length: 1, xStride: 1, yStride: 1 }];
}

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

function copy(x: TypedArray, y: TypedArray, axes: Axis[], depth: number, from: number, to: number): void {
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
