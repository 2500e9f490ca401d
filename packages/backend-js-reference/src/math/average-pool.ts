import type { QAverageAttrs } from '@octet/backend';
import type { FloatArray, HostTensor } from '../kernel';
import { bytes, floats, size } from '../kernel';
import { clamp, roundHalfEven } from './rounding';
import { scratch } from './scratch';
import type { Window } from './windows';

/** Takes the sums of one output position, one per channel, and the divisor; `to` is where they belong in y. */
export type EmitSums = (sums: Float64Array, count: number, to: number) => void;

/** Sums x - zeroPoint [N,H,W,C] over every window. */
export function sumWindows(
  x: FloatArray | Uint8Array | Int8Array,
  zeroPoint: number,
  [batch, height, width, channels]: readonly number[],
  rows: Window[],
  columns: Window[],
  emit: EmitSums,
): void {
  const sums = scratch('average pool', channels);
  let to = 0;
  for (let n = 0; n < batch; n++) {
    for (const row of rows) {
      for (const column of columns) {
        sums.fill(0, 0, channels);
        for (let h = row.start; h < row.end; h++) {
          for (let w = column.start; w < column.end; w++) {
            const from = ((n * height + h) * width + w) * channels;
            for (let c = 0; c < channels; c++) sums[c] += x[from + c] - zeroPoint;
          }
        }
        emit(sums, row.count * column.count, to);
        to += channels;
      }
    }
  }
}

/** y = sum / divisor of every window. */
export function averageWindows(x: HostTensor, y: HostTensor, rows: Window[], columns: Window[]): void {
  const out = floats(y);
  const channels = x.shape[3];
  sumWindows(floats(x), 0, x.shape, rows, columns, (sums, count, to) => {
    for (let c = 0; c < channels; c++) out[to + c] = sums[c] / count;
  });
}

/** y = clamp(rint(f32(f32(Σ (x - zeroPoint)) · f32(scale / f32(yScale · count)))) + yZeroPoint) of every window. */
export function averageIntegers(
  x: HostTensor,
  y: HostTensor,
  { zeroPoint, scale, yZeroPoint = zeroPoint, yScale = scale }: QAverageAttrs,
  rows: Window[],
  columns: Window[],
): void {
  const out = bytes(y);
  const channels = x.shape[3];
  const [min, max] = y.dtype === 'int8' ? [-128, 127] : [0, 255];
  sumWindows(bytes(x), zeroPoint, x.shape, rows, columns, (sums, count, to) => {
    const multiplier = Math.fround(scale / Math.fround(yScale * count));
    for (let c = 0; c < channels; c++) {
      out[to + c] = clamp(
        roundHalfEven(Math.fround(Math.fround(sums[c]) * multiplier)) + yZeroPoint,
        min,
        max,
      );
    }
  });
}

/** gradX: every gradY is shared evenly among the elements of its window. */
export function spreadWindows(gradY: HostTensor, gradX: HostTensor, rows: Window[], columns: Window[]): void {
  const up = floats(gradY);
  const to = floats(gradX);
  const [batch, height, width, channels] = gradX.shape;
  to.fill(0, 0, size(gradX));
  let from = 0;
  for (let n = 0; n < batch; n++) {
    for (const row of rows) {
      for (const column of columns) {
        const share = 1 / (row.count * column.count);
        for (let h = row.start; h < row.end; h++) {
          for (let w = column.start; w < column.end; w++) {
            const at = ((n * height + h) * width + w) * channels;
            for (let c = 0; c < channels; c++) to[at + c] += up[from + c] * share;
          }
        }
        from += channels;
      }
    }
  }
}
