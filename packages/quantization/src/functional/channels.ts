/** int8 functions of a tensor's channels, dimension 1: the host makes three numbers for each, and one kernel does the rest. */
import { type Clamp, roundHalfEven, ShapeError } from '@octet/backend';
import {
  formatShape,
  kernel,
  type PerTensorQParams,
  quantizedLookup,
  type Tensor,
  tidy,
} from '@octet/tensor/functional';
import { type OutputQparams, outputQparams, outputRange, requireQuint8 } from './int8';

const { asOperand, channelsInnermost, emptyOn, run } = kernel;
const f32 = Math.fround;

/** What an evaluated batch normalisation knows, on the host: float32, one number for each channel. It must not change. */
export interface BatchNormNumbers {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly eps: number;
}

/**
 * Batch normalisation of x [N, C, …] quint8 by running statistics, in PyTorch's formula: with s = 1 / √(variance + eps) · weight,
 * y = clamp(rint(f32(f32((x - zx) · f32(s · f32(sx / sy))) + f32(f32(bias - f32(mean · s)) / sy))) + zy). `clamp` are bounds in real numbers.
 *
 * @throws QuantizationError unless x is quint8 and quantized per tensor, ShapeError unless it has the channels
 */
export function quantizedBatchNorm(
  x: Tensor,
  numbers: BatchNormNumbers,
  output: OutputQparams,
  clamp?: Clamp,
): Tensor {
  const op = 'quantized.batchNorm';
  const xq = requireQuint8(op, x);
  const yq = outputQparams(op, output);
  const made = once(numbers, xq.scale, yq.scale, () => {
    const { weight, bias, mean, variance, eps } = numbers;
    const ratio = f32(f32(xq.scale) / f32(yq.scale));
    const factors = weight.map((w, c) => f32(f32(1 / f32(Math.sqrt(f32(variance[c] + f32(eps))))) * w));
    const slopes = factors.map((s) => s * ratio);
    const shift = bias.map((b, c) => f32(b - f32(mean[c] * factors[c])) / f32(yq.scale));
    return { positive: slopes, negative: slopes, shift };
  });
  return ofChannels(op, x, made, xq, yq, clamp);
}

/** The numbers of channels that were made last of a layer's, and for which scales. */
const kept = new WeakMap<object, { scales: readonly [number, number]; made: ChannelNumbers }>();

function once(of: object, sx: number, sy: number, make: () => ChannelNumbers): ChannelNumbers {
  const last = kept.get(of);
  if (last?.scales[0] === sx && last.scales[1] === sy) return last.made;
  const made = make();
  kept.set(of, { scales: [sx, sy], made });
  return made;
}

/**
 * x where x > 0, else slope · x, quint8 → quint8: of q = x - zx, y = clamp(rint(f32(q · m)) + zy), m = f32(sx · f32(1 / sy)) where
 * q > 0, else f32(f32(sx · slope) · f32(1 / sy)). One slope, or one for each channel of x [N, C, …]; the array must not change.
 *
 * @throws QuantizationError unless x is quint8 and quantized per tensor, ShapeError unless there is a slope for each channel
 */
export function quantizedPrelu(x: Tensor, slopes: Float32Array, output: OutputQparams): Tensor {
  const op = 'quantized.prelu';
  const xq = requireQuint8(op, x);
  const yq = outputQparams(op, output);
  const made = once(slopes, xq.scale, yq.scale, () => {
    const inverse = f32(1 / f32(yq.scale));
    return {
      positive: slopes.map(() => f32(xq.scale) * inverse),
      negative: slopes.map((slope) => f32(f32(xq.scale) * slope) * inverse),
      shift: new Float32Array(slopes.length),
    };
  });
  if (slopes.length > 1) return ofChannels(op, x, made, xq, yq);
  const { positive, negative } = made;
  const { clampMin, clampMax } = outputRange(yq);
  return quantizedLookup(op, x, 'quint8', yq, (integer) => {
    const q = integer - xq.zeroPoint;
    const steps = roundHalfEven(f32(q * (q > 0 ? positive : negative)[0])) + yq.zeroPoint;
    return Math.min(Math.max(steps, clampMin), clampMax);
  });
}

interface ChannelNumbers {
  readonly positive: Float32Array;
  readonly negative: Float32Array;
  readonly shift: Float32Array;
}

function ofChannels(
  op: string,
  x: Tensor,
  numbers: ChannelNumbers,
  xq: PerTensorQParams,
  yq: PerTensorQParams,
  clamp?: Clamp,
): Tensor {
  const channels = numbers.shift.length;
  if (x.dim < 2 || x.shape[1] !== channels) {
    throw new ShapeError({
      op,
      expected: `x [N, ${channels}, …]`,
      found: formatShape(x.shape),
      fix: 'Channels are dimension 1: check the number of features of the layer.',
    });
  }
  return tidy(() => {
    const xc = channelsInnermost(x);
    const y = emptyOn(x, x.shape, { strides: xc.strides, qparams: yq });
    const rows = [x.numel / channels, channels];
    const attrs = {
      ...numbers,
      xZeroPoint: xq.zeroPoint,
      yZeroPoint: yq.zeroPoint,
      ...outputRange(yq, clamp),
    };
    run('qaffine', { x: asOperand(xc, rows) }, { y: asOperand(y, rows) }, attrs);
    return y;
  });
}
