import type { AvgPoolAttrs } from '@octet/backend';
import type { KernelContext, WasmKernel, WasmTensor } from '../kernel';

/** Elements read that are worth a thread. */
const grainElements = 16_384;

export const maxPool2d: WasmKernel<'maxPool2d'> = (cx, { x, y, indices }, attrs) => {
  const [, height, width, channels] = x.shape;
  const [batch, outHeight, outWidth] = y.shape;
  const { kernelSize, stride, padding, dilation } = attrs;
  const args = {
    ...{ x: cx.address(x), y: cx.address(y), indices: cx.address(indices) },
    ...{ height, width, channels, outHeight, outWidth },
    ...{ kernelHeight: kernelSize[0], kernelWidth: kernelSize[1], strideH: stride[0], strideW: stride[1] },
    ...{ padH: padding[0], padW: padding[1], dilationH: dilation[0], dilationW: dilation[1] },
  };
  const work = outWidth * channels * kernelSize[0] * kernelSize[1];
  cx.parallel('maxPool', args, batch * outHeight, Math.ceil(grainElements / (work + 1)));
};

export const maxPool2dBackward: WasmKernel<'maxPool2dBackward'> = (cx, { gradY, indices, gradX }) => {
  const [batch, height, width, channels] = gradX.shape;
  const args = {
    ...{ gradY: cx.address(gradY), indices: cx.address(indices), gradX: cx.address(gradX) },
    ...{ positions: height * width, outPositions: gradY.shape[1] * gradY.shape[2], channels },
  };
  cx.parallel('maxPoolBackward', args, batch, Math.ceil(grainElements / (height * width * channels + 1)));
};

/** One window per output position of one axis: start, end, and what it counts for in the divisor. */
type Windows = Int32Array;

function averageWindows(attrs: AvgPoolAttrs, axis: 0 | 1, length: number, out: number): Windows {
  const { kernelSize, stride, padding, countIncludePad } = attrs;
  const windows = new Int32Array(out * 3);
  for (let i = 0; i < out; i++) {
    const from = i * stride[axis] - padding[axis];
    // A window that ceil mode lets hang over the padded edge is cut off there.
    const to = Math.min(from + kernelSize[axis], length + padding[axis]);
    const start = Math.max(from, 0);
    const end = Math.min(to, length);
    windows.set([start, end, countIncludePad ? to - from : end - start], i * 3);
  }
  return windows;
}

/** Cell i of `out` covers ⌊i · length / out⌋ to ⌈(i + 1) · length / out⌉. */
function adaptiveWindows(length: number, out: number): Windows {
  const windows = new Int32Array(out * 3);
  for (let i = 0; i < out; i++) {
    const start = Math.floor((i * length) / out);
    const end = Math.ceil(((i + 1) * length) / out);
    windows.set([start, end, end - start], i * 3);
  }
  return windows;
}

function average(cx: KernelContext, x: WasmTensor, y: WasmTensor, rows: Windows, columns: Windows): void {
  const [, height, width, channels] = x.shape;
  const [batch, outHeight, outWidth] = y.shape;
  const args = {
    ...{ rows: cx.upload(rows), columns: cx.upload(columns), x: cx.address(x), y: cx.address(y) },
    ...{ height, width, channels, outHeight, outWidth },
  };
  const work = (height * width * channels) / outHeight;
  cx.parallel('averagePool', args, batch * outHeight, Math.ceil(grainElements / (work + 1)));
}

function spread(
  cx: KernelContext,
  gradY: WasmTensor,
  gradX: WasmTensor,
  rows: Windows,
  columns: Windows,
): void {
  const [batch, height, width, channels] = gradX.shape;
  const [, outHeight, outWidth] = gradY.shape;
  const args = {
    ...{ rows: cx.upload(rows), columns: cx.upload(columns) },
    ...{ gradY: cx.address(gradY), gradX: cx.address(gradX) },
    ...{ height, width, channels, outHeight, outWidth },
  };
  cx.parallel('averagePoolBackward', args, batch, Math.ceil(grainElements / (height * width * channels + 1)));
}

export const avgPool2d: WasmKernel<'avgPool2d'> = (cx, { x, y }, attrs) => {
  const rows = averageWindows(attrs, 0, x.shape[1], y.shape[1]);
  average(cx, x, y, rows, averageWindows(attrs, 1, x.shape[2], y.shape[2]));
};

export const avgPool2dBackward: WasmKernel<'avgPool2dBackward'> = (cx, { gradY, gradX }, attrs) => {
  const rows = averageWindows(attrs, 0, gradX.shape[1], gradY.shape[1]);
  spread(cx, gradY, gradX, rows, averageWindows(attrs, 1, gradX.shape[2], gradY.shape[2]));
};

export const adaptiveAvgPool2d: WasmKernel<'adaptiveAvgPool2d'> = (cx, { x, y }) =>
  average(cx, x, y, adaptiveWindows(x.shape[1], y.shape[1]), adaptiveWindows(x.shape[2], y.shape[2]));

export const adaptiveAvgPool2dBackward: WasmKernel<'adaptiveAvgPool2dBackward'> = (cx, { gradY, gradX }) => {
  const rows = adaptiveWindows(gradX.shape[1], gradY.shape[1]);
  spread(cx, gradY, gradX, rows, adaptiveWindows(gradX.shape[2], gradY.shape[2]));
};
