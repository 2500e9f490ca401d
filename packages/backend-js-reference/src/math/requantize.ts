import type { RequantizeAttrs } from '@octet/backend';
import { roundHalfEven } from './rounding';
import { scratch } from './scratch';

/** Writes integer sums [count, channels] of rows `row0`… and channels `channel0`… to their places in y. */
export type Requantize = (
  sums: Float64Array,
  row0: number,
  count: number,
  channel0: number,
  channels: number,
) => void;

/**
 * Integer sums → uint8 y [rows, outChannels], as docs/numerics.md says:
 * y = clamp(rint(f32(f32(sum + bias) · multiplier)) + yZeroPoint, clampMin, clampMax).
 */
export function requantizeTo(
  y: Uint8Array,
  outChannels: number,
  bias: Int32Array | undefined,
  { multiplier, yZeroPoint, clampMin, clampMax }: RequantizeAttrs,
): Requantize {
  // One of each per channel, in doubles: the loop below has no case to decide.
  const biases = scratch('requantize bias', outChannels);
  const multipliers = scratch('requantize multiplier', outChannels);
  for (let c = 0; c < outChannels; c++) {
    biases[c] = bias ? bias[c] : 0;
    multipliers[c] = multiplier[multiplier.length > 1 ? c : 0];
  }
  return (sums, row0, count, channel0, channels) => {
    for (let i = 0; i < count; i++) {
      const from = i * channels;
      const to = (row0 + i) * outChannels + channel0;
      for (let j = 0; j < channels; j++) {
        const sum = Math.fround(sums[from + j] + biases[channel0 + j]);
        const q = roundHalfEven(Math.fround(sum * multipliers[channel0 + j])) + yZeroPoint;
        y[to + j] = Math.min(Math.max(q, clampMin), clampMax);
      }
    }
  };
}

/** Integer weights [rows, length] as doubles, each row's zero point subtracted. */
export function centerWeights(
  weight: Int8Array,
  zeroPoint: Int32Array,
  rows: number,
  length: number,
  to: Float64Array,
): void {
  for (let i = 0; i < rows; i++) {
    const zero = zeroPoint[zeroPoint.length > 1 ? i : 0];
    for (let j = i * length, end = j + length; j < end; j++) to[j] = weight[j] - zero;
  }
}
