import { qparamArrays, type Tensor } from '@octet/tensor';
import { valuesOf } from './record';
import { type Difference, DifferenceSums, decibels, GrowingHistogram, type Histogram } from './statistics';

/** A layer's weight, and the integers chosen for it. */
export interface WeightAnalysis {
  readonly shape: readonly number[];
  readonly min: number;
  readonly max: number;
  readonly histogram: Histogram;
  readonly perChannel: boolean;
  /** One, or the smallest and the largest of the channels. */
  readonly scale: { readonly min: number; readonly max: number };
  /** The numbers that integers -128 and 127 mean; per channel, for the largest scale. */
  readonly low: number;
  readonly high: number;
  /** The part of the weights, 0 to 1, that is clipped by more than half a step. */
  readonly clipped: number;
  /** How many of the 256 integers occur. */
  readonly levelsUsed: number;
  /** Of the weight itself. */
  readonly error: Difference | null;
  /** The largest absolute weight of each output channel: over all channels. */
  readonly channelRange: { readonly min: number; readonly median: number; readonly max: number };
  /** The signal to noise ratio of each output channel's weights: the lowest and the middle one. null: exact. */
  readonly channelDb: { readonly min: number | null; readonly median: number | null };
}

/** `int8` is the weight `float` in integers: per tensor, or per channel along dim 0. */
export async function analyzeWeight(float: Tensor, int8: Tensor): Promise<WeightAnalysis> {
  const values = await float.data();
  const rounded = await valuesOf(int8);
  const { scale, zeroPoint } = qparamArrays(int8.qparams as NonNullable<Tensor['qparams']>);
  const error = new DifferenceSums();
  error.add(values, rounded, [values.length]);
  const histogram = new GrowingHistogram();
  histogram.add(values);

  const perChannel = values.length / float.shape[0];
  const ranges = new Array<number>(float.shape[0]).fill(0);
  const signal = new Float64Array(ranges.length);
  const noise = new Float64Array(ranges.length);
  let clipped = 0;
  for (let i = 0; i < values.length; i++) {
    const channel = Math.floor(i / perChannel);
    ranges[channel] = Math.max(ranges[channel], Math.abs(values[i]));
    signal[channel] += values[i] ** 2;
    noise[channel] += (values[i] - rounded[i]) ** 2;
    // A symmetric scale lets the outermost weight lie half a step outside.
    if (Math.abs(values[i] - rounded[i]) > 0.51 * scale[channel % scale.length]) clipped++;
  }
  ranges.sort((a, b) => a - b);
  const channels = Array.from(signal, (power, c) => decibels(power, noise[c])).sort(
    (a, b) => (a ?? Number.POSITIVE_INFINITY) - (b ?? Number.POSITIVE_INFINITY),
  );
  const widest = scale.indexOf(Math.max(...scale));
  return {
    shape: float.shape,
    min: histogram.min,
    max: histogram.max,
    histogram: histogram.histogram,
    perChannel: scale.length > 1,
    scale: { min: Math.min(...scale), max: scale[widest] },
    low: (-128 - zeroPoint[widest]) * scale[widest],
    high: (127 - zeroPoint[widest]) * scale[widest],
    clipped: clipped / values.length,
    levelsUsed: new Set(await int8.data()).size,
    error: error.difference,
    channelRange: {
      min: ranges[0],
      median: ranges[ranges.length >> 1],
      max: ranges[ranges.length - 1],
    },
    channelDb: { min: channels[0], median: channels[channels.length >> 1] },
  };
}
