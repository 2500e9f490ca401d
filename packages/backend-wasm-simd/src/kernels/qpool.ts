import type { AvgPoolAttrs, QAverageAttrs } from '@octet/backend';
import type { KernelContext, WasmKernel, WasmTensor } from '../kernel';

/** Bytes under windows worth a thread. */
const grainBytes = 100_000;

/** x [N,H,W,C] uint8 or int8 → y [N,OH,OW,C] */
export const qmaxPool2d: WasmKernel<'qmaxPool2d'> = (cx, { x, y }, attrs) => {
  const [, height, width, channels] = x.shape;
  const [batch, outHeight, outWidth] = y.shape;
  const { kernelSize, stride, padding, dilation } = attrs;
  const args = {
    ...{ x: cx.address(x), y: cx.address(y), signed: x.dtype === 'int8' },
    ...{ height, width, channels, outHeight, outWidth },
    ...{ kernelHeight: kernelSize[0], kernelWidth: kernelSize[1] },
    ...{ strideHeight: stride[0], strideWidth: stride[1], padHeight: padding[0], padWidth: padding[1] },
    ...{ dilationHeight: dilation[0], dilationWidth: dilation[1] },
  };
  const grain = Math.ceil(grainBytes / (outWidth * channels * kernelSize[0] * kernelSize[1]));
  cx.parallel('qmaxPool', args, batch * outHeight, grain);
};

/** Windows of one axis: (start, end, divisor) of each. */
type Windows = readonly (readonly [start: number, end: number, count: number])[];

function average(
  cx: KernelContext,
  x: WasmTensor,
  y: WasmTensor,
  { zeroPoint, scale }: QAverageAttrs,
  rows: Windows,
  columns: Windows,
) {
  const [batch, height, width, channels] = x.shape;
  const [, outHeight, outWidth] = y.shape;
  const args = {
    ...{ rows: cx.upload(Int32Array.from(rows.flat())), columns: cx.upload(Int32Array.from(columns.flat())) },
    ...{ x: cx.address(x), y: cx.address(y), signed: x.dtype === 'int8' },
    ...{ height, width, channels, outHeight, outWidth, zeroPoint, scale },
  };
  const grain = Math.ceil((grainBytes * outHeight) / (height * width * channels));
  cx.parallel('qavgPool', args, batch * outHeight, grain);
}

function averageWindows(attrs: AvgPoolAttrs, axis: 0 | 1, length: number, out: number): Windows {
  const { kernelSize, stride, padding, countIncludePad } = attrs;
  return Array.from({ length: out }, (_, i) => {
    const from = i * stride[axis] - padding[axis];
    // A window that ceil mode lets hang over the padded edge is cut off there.
    const to = Math.min(from + kernelSize[axis], length + padding[axis]);
    const start = Math.max(from, 0);
    const end = Math.min(to, length);
    return [start, end, countIncludePad ? to - from : end - start] as const;
  });
}

function adaptiveWindows(length: number, out: number): Windows {
  return Array.from({ length: out }, (_, i) => {
    const start = Math.floor((i * length) / out);
    const end = Math.ceil(((i + 1) * length) / out);
    return [start, end, end - start] as const;
  });
}

/** x [N,H,W,C] uint8 or int8 → y [N,OH,OW,C] */
export const qavgPool2d: WasmKernel<'qavgPool2d'> = (cx, { x, y }, attrs) => {
  const rows = averageWindows(attrs, 0, x.shape[1], y.shape[1]);
  average(cx, x, y, attrs, rows, averageWindows(attrs, 1, x.shape[2], y.shape[2]));
};

/** x [N,H,W,C] uint8 or int8 → y [N,OH,OW,C] */
export const qadaptiveAvgPool2d: WasmKernel<'qadaptiveAvgPool2d'> = (cx, { x, y }, attrs) => {
  const rows = adaptiveWindows(x.shape[1], y.shape[1]);
  average(cx, x, y, attrs, rows, adaptiveWindows(x.shape[2], y.shape[2]));
};
