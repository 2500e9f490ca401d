import { bytesPerElement, type ResampleAttrs } from '@octet/backend';
import type { KernelContext, WasmKernel, WasmTensor } from '../kernel';

/** Bytes of output worth a thread. */
const grainBytes = 100_000;
/** Rows of a unit, where there are enough of them: neighbours are made of the same rows. */
const most = 16;

/** x [N,H,W,C] → y [N,OH,OW,C] */
export const resample2d: WasmKernel<'resample2d'> = (cx, { x, y }, attrs) => resample(cx, x, y, attrs);

/** x [N,H,W,C] uint8 or int8 → y [N,OH,OW,C] */
export const qresample2d: WasmKernel<'qresample2d'> = (cx, { x, y }, attrs) => resample(cx, x, y, attrs);

function resample(
  cx: KernelContext,
  x: WasmTensor,
  y: WasmTensor,
  { rowIndex, rowWeight, columnIndex, columnWeight }: ResampleAttrs,
): void {
  const [, height, width, channels] = x.shape;
  const [batch, outHeight, outWidth] = y.shape;
  const rowTaps = rowIndex.length / outHeight;
  const columnTaps = columnIndex.length / outWidth;
  const strip = Math.max(1, Math.min(most, Math.ceil((batch * outHeight) / (4 * cx.threads))));
  const strips = Math.ceil(outHeight / strip);
  const bytes = bytesPerElement(y.dtype) * channels;
  const grain = Math.ceil(grainBytes / (strip * outWidth * bytes));
  const places = {
    ...{ x: cx.address(x), y: cx.address(y), rows: cx.upload(rowIndex), columns: cx.upload(columnIndex) },
    ...{ height, width, outHeight, outWidth, strip, strips },
  };
  const copies = rowTaps === 1 && columnTaps === 1 && [...rowWeight, ...columnWeight].every((w) => w === 1);
  if (copies) {
    cx.parallel('copyPixels', { ...places, bytes }, batch * strips, grain);
    return;
  }
  const lineBytes = outWidth * channels * 4 + 16;
  const scratchBytes = (rowTaps + 1) * lineBytes + rowTaps * 4;
  const args = {
    ...places,
    ...{ rowWeights: cx.upload(rowWeight), rowTaps, columnWeights: cx.upload(columnWeight), columnTaps },
    ...{ kind: y.dtype === 'float32' ? 0 : y.dtype === 'int8' ? 2 : 1, channels },
    ...cx.scratchEach(scratchBytes),
  };
  cx.parallel('resample', args, batch * strips, Math.ceil(grain / (rowTaps * columnTaps)));
}
