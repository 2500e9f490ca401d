import type { DynamicLinearAttrs } from '@octet/backend';
import type { FloatArray } from '../kernel';
import { chooseQparams, type Qparams } from './qparams';
import { clamp, roundHalfEven } from './rounding';

/** How floats become integers of their own range, less the zero point. */
export interface DynamicRange extends Qparams {
  /** Integers of x[from … from + count], less the zero point. */
  quantize(x: FloatArray, from: number, count: number, to: Float64Array): void;
}

/** That of x[0 … count], 0 included: to 0..255, with `reduceRange` to 0..127. */
export function dynamicRange(x: FloatArray, count: number, reduceRange: boolean): DynamicRange {
  const quantMax = reduceRange ? 127 : 255;
  let min = 0;
  let max = 0;
  for (let i = 0; i < count; i++) {
    min = Math.min(min, x[i]);
    max = Math.max(max, x[i]);
  }
  const { scale, zeroPoint } = chooseQparams(min, max, 0, quantMax, false);
  const inverse = Math.fround(1 / scale);
  return {
    scale,
    zeroPoint,
    quantize(values, from, length, to) {
      for (let i = 0; i < length; i++) {
        const q = roundHalfEven(Math.fround(values[from + i] * inverse)) + zeroPoint;
        to[i] = clamp(q, 0, quantMax) - zeroPoint;
      }
    },
  };
}

/**
 * Integer sums [count, channels] of rows `row0`… and channels `channel0`… → their places in y [rows, outChannels], as docs/numerics.md
 * says: y = f32(f32(f32(sum) · f32(scale · weightScale)) + bias).
 */
export function scaleTo(
  y: FloatArray,
  outChannels: number,
  bias: FloatArray | undefined,
  scale: number,
  { weightScale }: Pick<DynamicLinearAttrs, 'weightScale'>,
) {
  return (sums: Float64Array, row0: number, count: number, channel0: number, channels: number): void => {
    for (let i = 0; i < count; i++) {
      const to = (row0 + i) * outChannels + channel0;
      for (let j = 0; j < channels; j++) {
        const channel = channel0 + j;
        const multiplier = Math.fround(scale * weightScale[weightScale.length > 1 ? channel : 0]);
        const product = Math.fround(Math.fround(sums[i * channels + j]) * multiplier);
        y[to + j] = bias ? product + bias[channel] : product;
      }
    }
  };
}
