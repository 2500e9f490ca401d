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

function average(
  cx: KernelContext,
  x: WasmTensor,
  y: WasmTensor,
  { zeroPoint, scale, yZeroPoint = zeroPoint, yScale = scale }: QAverageAttrs,
  windows: AvgPoolAttrs,
) {
  const [batch, height, width, channels] = x.shape;
  const [, outHeight, outWidth] = y.shape;
  const [addressX, addressY, signed] = [cx.address(x), cx.address(y), x.dtype === 'int8'];
  if (windows === adaptive && outHeight * outWidth * channels === 1) {
    const n = height * width;
    const rows = { x: addressX, y: addressY, signed, rows: batch, n, zeroPoint, scale, yZeroPoint, yScale };
    cx.parallel('qavgRows', rows, Math.ceil(batch / 16), Math.ceil(grainBytes / (16 * n)));
    return;
  }
  const { kernelSize, stride, padding } = windows;
  const args = {
    ...{ x: addressX, y: addressY, signed, zeroPoint, scale, yZeroPoint, yScale },
    ...{ height, width, channels, outHeight, outWidth },
    ...{ kernelHeight: kernelSize[0], kernelWidth: kernelSize[1] },
    ...{ strideHeight: stride[0], strideWidth: stride[1], padHeight: padding[0], padWidth: padding[1] },
    includePad: windows.countIncludePad,
  };
  const grain = Math.ceil((grainBytes * outHeight) / (height * width * channels));
  cx.parallel('qavgPool', args, batch * outHeight, grain);
}

/** What the wasm function takes for windows that it finds itself. */
const adaptive: AvgPoolAttrs = {
  kernelSize: [0, 0],
  stride: [0, 0],
  padding: [0, 0],
  countIncludePad: false,
};

/** x [N,H,W,C] uint8 or int8 → y [N,OH,OW,C] */
export const qavgPool2d: WasmKernel<'qavgPool2d'> = (cx, { x, y }, attrs) => average(cx, x, y, attrs, attrs);

/** x [N,H,W,C] uint8 or int8 → y [N,OH,OW,C] */
export const qadaptiveAvgPool2d: WasmKernel<'qadaptiveAvgPool2d'> = (cx, { x, y }, attrs) =>
  average(cx, x, y, attrs, adaptive);
