/** Functions of one quint8 tensor whose output has an observed scale: y = quantize(f(dequantize(x))), by a table of all 256 integers. */
import {
  elementwiseFunctions,
  type KernelTable,
  quantizeNumber,
  quantRange,
  requireType,
  roundHalfEven,
  type TableSource,
  type UnaryName,
} from '@octet/backend';
import { quantizedLookup, type Tensor } from '@octet/tensor/functional';
import { type OutputQparams, outputQparams, requireQuint8 } from './int8';

const f32 = Math.fround;

/** One line a function of float32 numbers. */
const functions = {
  requantize: (v) => v,
  'quantized.leakyRelu': (v, { negativeSlope = 0 }) => (v > 0 ? v : f32(v * f32(negativeSlope))),
} satisfies Record<string, (real: number, attrs: Attrs) => number>;

interface Attrs {
  negativeSlope?: number;
}

/** `known`: whether `op` and `attrs` say what `of` is. */
function tabled(
  op: string,
  x: Tensor,
  output: OutputQparams,
  of: (real: number) => number,
  attrs: Omit<TableSource, 'op'>,
  quantize = quantizeNumber,
  known = true,
): Tensor {
  const xq = requireQuint8(op, x);
  const yq = outputQparams(op, output);
  const [qmin, qmax] = quantRange.quint8;
  const integer = (q: number) => {
    const real = of(f32((q - xq.zeroPoint) * f32(xq.scale)));
    return Math.min(Math.max(quantize(real, f32(yq.scale), yq.zeroPoint), qmin), qmax);
  };
  const numbers = [xq.scale, xq.zeroPoint, yq.scale, yq.zeroPoint, ...Object.values(attrs)];
  return quantizedLookup(op, x, 'quint8', yq, integer, attrs, known ? numbers : undefined);
}

function pointwise(op: keyof typeof functions, x: Tensor, output: OutputQparams, attrs: Attrs = {}): Tensor {
  return tabled(op, x, output, (real) => functions[op](real, attrs), { ...attrs });
}

/** The same numbers at another scale: dequantize and quantize. quint8 → quint8. */
export function requantize(x: Tensor, output: OutputQparams): Tensor {
  return pointwise('requantize', x, output);
}

/** hardswish of the dequantized value, requantized: rint(f32(x · clamp(x + 3, 0, 6) / 6 · f32(1 / sy) + zy)). */
export function quantizedHardswish(x: Tensor, output: OutputQparams): Tensor {
  const of = (v: number) => f32(f32(v * Math.min(Math.max(f32(v + 3), 0), 6)) / 6);
  return tabled('quantized.hardswish', x, output, of, {}, roundWithZeroPoint);
}

/** As QNNPACK rounds here: with the zero point, so that half-way numbers go to the even integer. */
function roundWithZeroPoint(real: number, scale: number, zeroPoint: number): number {
  return roundHalfEven(f32(f32(real * f32(1 / scale)) + zeroPoint));
}

/** leakyRelu of the dequantized value, requantized. */
export function quantizedLeakyRelu(x: Tensor, negativeSlope: number, output: OutputQparams): Tensor {
  return pointwise('quantized.leakyRelu', x, output, { negativeSlope });
}

/**
 * A function of one tensor on integers: its row's `forward` of the dequantized value, a float32 number, requantized to the
 * output's scale. quint8 → quint8.
 *
 * @throws QuantizationError unless x is quint8 and quantized per tensor, or if the output's scale or zero point is invalid
 */
export function quantizedActivation<N extends UnaryName>(
  name: N,
  x: Tensor,
  attrs: KernelTable[N]['attrs'],
  output: OutputQparams,
): Tensor {
  const { forward } = elementwiseFunctions[name];
  return tabled(`quantized.${name}`, x, output, (real) => f32(forward(real, attrs)), { ...attrs });
}

/**
 * A function of one's own on integers: `f` of each of the 256 numbers that x can hold, requantized to the output's scale.
 * quint8 → quint8; a NaN becomes the smallest integer.
 *
 * @throws QuantizationError unless x is quint8 and quantized per tensor, or if the output's scale or zero point is invalid
 */
export function quantizedMap(x: Tensor, f: (real: number) => number, output: OutputQparams): Tensor {
  requireType('quantized.map', 'f', f, 'function');
  return tabled('quantized.map', x, output, (real) => f32(f(real)), {}, quantizeNumber, false);
}
