/**
 * Functions of one 8-bit tensor that ops of a Tensor need, each a table of 256 integers. Those whose output has a scale of
 * its own are in @octet/quantization (functional/pointwise.ts).
 */
import { type QuantizedDType, quantRange } from '@octet/backend';
import { type PerTensorQParams, requirePerTensor } from '../../qparams';
import type { Tensor } from '../../tensor';
import { quantizedBounds } from './bounds';
import { dequantized, quantizedLookup, rounded } from './lookup';

/** A function of reals whose outputs have a fixed scale. */
interface FixedRange {
  readonly scale: number;
  zeroPoint(dtype: QuantizedDType): number;
  of(real: number): number;
}

/** One line a function. */
const fixedRange = {
  // All 256 integers stand for [0, 1).
  sigmoid: { scale: 1 / 256, zeroPoint: (dtype) => quantRange[dtype][0], of: (v) => 1 / (1 + Math.exp(-v)) },
  hardsigmoid: {
    scale: 1 / 256,
    zeroPoint: (dtype) => quantRange[dtype][0],
    of: (v) => Math.fround(Math.min(Math.max(Math.fround(v + 3), 0), 6) / 6),
  },
  // The middle integer stands for 0.
  tanh: { scale: 1 / 128, zeroPoint: (dtype) => (dtype === 'quint8' ? 128 : 0), of: Math.tanh },
} satisfies Record<string, FixedRange>;

/**
 * A function with outputs of a fixed scale: sigmoid and hardsigmoid at 1/256 above the smallest integer, tanh at 1/128 around the middle one.
 * @throws DTypeError unless `x` has 8 bits, QuantizationError unless it is quantized per tensor
 */
export function quantizedFixedRange(name: keyof typeof fixedRange, x: Tensor): Tensor {
  const dtype = x.dtype as QuantizedDType;
  const from = qparamsOf(name, x);
  const { scale, of, ...f } = fixedRange[name];
  const zeroPoint = f.zeroPoint(dtype);
  const integer = (q: number) => rounded(of(dequantized(q, from)) / scale, zeroPoint, dtype);
  const qparams: PerTensorQParams = { scheme: 'perTensor', scale, zeroPoint };
  return quantizedLookup(name, x, dtype, qparams, integer, {}, [from.scale, from.zeroPoint]);
}

/**
 * Clamps between two real numbers, in the domain of the integers. Scale and zero point stay.
 * @throws DTypeError unless `x` has 8 bits, QuantizationError unless it is quantized per tensor
 */
export function quantizedClamp(op: string, x: Tensor, min: number, max: number): Tensor {
  const [lo, hi] = quantizedBounds(qparamsOf(op, x), x.dtype as QuantizedDType, min, max);
  return quantizedLookup(op, x, x.dtype, x.qparams, (q) => Math.min(Math.max(q, lo), hi), {}, [lo, hi]);
}

function qparamsOf(op: string, x: Tensor): PerTensorQParams {
  return requirePerTensor(op, x.qparams as NonNullable<Tensor['qparams']>);
}
