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
type Windows = Int32Array;

function windows(out: number, of: (i: number, to: Windows, at: number) => void): Windows {
  const list = new Int32Array(3 * out);
  for (let i = 0; i < out; i++) of(i, list, 3 * i);
  return list;
}

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
    ...{ rows: cx.upload(rows), columns: cx.upload(columns) },
    ...{ x: cx.address(x), y: cx.address(y), signed: x.dtype === 'int8' },
    ...{ height, width, channels, outHeight, outWidth, zeroPoint, scale },
  };
  const grain = Math.ceil((grainBytes * outHeight) / (height * width * channels));
  cx.parallel('qavgPool', args, batch * outHeight, grain);
}

function averageWindows(attrs: AvgPoolAttrs, axis: 0 | 1, length: number, out: number): Windows {
  const { kernelSize, stride, padding, countIncludePad } = attrs;
  return windows(out, (i, to, at) => {
    const from = i * stride[axis] - padding[axis];
    // A window that ceil mode lets hang over the padded edge is cut off there.
    const until = Math.min(from + kernelSize[axis], length + padding[axis]);
    to[at] = Math.max(from, 0);
    to[at + 1] = Math.min(until, length);
    to[at + 2] = countIncludePad ? until - from : to[at + 1] - to[at];
  });
}

function adaptiveWindows(length: number, out: number): Windows {
  return windows(out, (i, to, at) => {
    to[at] = Math.floor((i * length) / out);
    to[at + 1] = Math.ceil(((i + 1) * length) / out);
    to[at + 2] = to[at + 1] - to[at];
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
