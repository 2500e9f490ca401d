import type { ResampleAttrs } from '@octet/backend';
import { bytes, floats, type HostTensor, type RefKernel } from '../kernel';
import { roundHalfEven } from '../math/rounding';

/** x [N,H,W,C] → y [N,OH,OW,C]: Σ rowWeight · Σ columnWeight · x over the taps of each row and column */
export const resample2d: RefKernel<'resample2d'> = ({ x, y }, attrs) => {
  const to = floats(y);
  const step = y.dtype === 'float32' ? Math.fround : (v: number) => v;
  resample(x, y, floats(x), attrs, step, (at, sum) => {
    to[at] = sum;
  });
};

/** The same of integers, in float32: the sum is rounded half to even */
export const qresample2d: RefKernel<'qresample2d'> = ({ x, y }, attrs) => {
  const to = bytes(y);
  const [min, max] = y.dtype === 'int8' ? [-128, 127] : [0, 255];
  resample(x, y, bytes(x), attrs, Math.fround, (at, sum) => {
    to[at] = Math.min(Math.max(roundHalfEven(sum), min), max);
  });
};

/** Calls `emit` for each element of y with its sum, every step of which is rounded by `step`. */
function resample(
  x: HostTensor,
  y: HostTensor,
  from: ArrayLike<number>,
  { rowIndex, rowWeight, columnIndex, columnWeight }: ResampleAttrs,
  step: (v: number) => number,
  emit: (at: number, sum: number) => void,
): void {
  const [, height, width, channels] = x.shape;
  const [batch, outHeight, outWidth] = y.shape;
  const rowTaps = rowIndex.length / outHeight;
  const columnTaps = columnIndex.length / outWidth;
  let at = 0;
  for (let n = 0; n < batch; n++) {
    for (let oh = 0; oh < outHeight; oh++) {
      for (let ow = 0; ow < outWidth; ow++) {
        for (let c = 0; c < channels; c++, at++) {
          let sum = 0;
          for (let i = oh * rowTaps; i < (oh + 1) * rowTaps; i++) {
            if (rowWeight[i] === 0) continue;
            const row = (n * height + rowIndex[i]) * width;
            let inRow = 0;
            for (let j = ow * columnTaps; j < (ow + 1) * columnTaps; j++) {
              if (columnWeight[j] === 0) continue;
              inRow = step(inRow + step(columnWeight[j] * from[(row + columnIndex[j]) * channels + c]));
            }
            sum = step(sum + step(rowWeight[i] * inRow));
          }
          emit(at, sum);
        }
      }
    }
  }
}
