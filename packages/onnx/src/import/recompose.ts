import {
  type AnyModule,
  Conv1d,
  Conv2d,
  GELU,
  Hardsigmoid,
  Hardswish,
  LayerNorm,
  LeakyReLU,
  Linear,
  Mish,
  type Module,
  SiLU,
  skipInit,
} from '@octet/nn';
import { HostTensor } from '../host-tensor';
import type { OnnxNode, Operand } from './node';
import type { OnnxOperator } from './table';
import { keepScales, linearOf, parameter } from './weights';

/** A layer for what a node is the last piece of, and its input; undefined if it is no such thing. */
export type Pattern = (node: OnnxNode) => Found | undefined;

interface Found {
  readonly layer: Module;
  readonly x: Operand;
  readonly weight?: Operand;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/** The rows, which first look whether one of the patterns ends here. The other pieces go where nobody else needs them. */
export function recomposed(rows: readonly OnnxOperator[], ...patterns: readonly Pattern[]): OnnxOperator[] {
  return rows.map((row) => ({
    ...row,
    import(node) {
      for (const pattern of patterns) {
        const found = pattern(node);
        if (!found) continue;
        const { layer, x, weight, attributes } = found;
        if (attributes?.dynamic) keepScales(layer);
        const [y] = node.layer(layer, [x], { weight, attributes, rank: x.rank });
        return outputsOf(layer) > 0 ? { ...y, layer } : y;
      }
      return row.import(node);
    },
  }));
}

/** The node of this operator of ONNX's own that made an operand. */
export function madeBy(operand: Operand | undefined, op: string): OnnxNode | undefined {
  const source = operand?.source;
  return source?.op === op && source.domain === '' ? source : undefined;
}

export function same(a: Operand | undefined, b: Operand | undefined): boolean {
  return a !== undefined && a.slot === b?.slot;
}

/** The one number of a constant. */
export function numberIn(operand: Operand | undefined): number | undefined {
  return operand?.constant?.numel === 1 ? operand.constant.data[0] : undefined;
}

const near = (a: number | undefined, b: number) => a !== undefined && Math.abs(a - b) <= 1e-5 * Math.abs(b);

/** An operand less a number that is added to it, as in `x + 3`. */
function without(operand: Operand | undefined, addend: number): Operand | undefined {
  const [a, b] = madeBy(operand, 'Add')?.inputs ?? [];
  if (near(numberIn(b), addend)) return a;
  return near(numberIn(a), addend) ? b : undefined;
}

interface Product {
  scale: number;
  readonly factors: Operand[];
}

/** A product of products, and quotients by numbers, as a number and what isn't one; `whole` isn't taken apart. */
function productOf(
  node: OnnxNode,
  whole?: Operand,
  into: Product = { scale: 1, factors: [] },
  depth = 0,
): Product {
  const [a, b] = node.inputs;
  if (node.op === 'Div' && numberIn(b) === undefined) return into;
  for (const operand of [a, b]) {
    const number = numberIn(operand);
    const apart = depth < 3 && !same(operand, whole);
    const inner = apart ? (madeBy(operand, 'Mul') ?? madeBy(operand, 'Div')) : undefined;
    const isProduct = inner && (inner.op === 'Mul' || numberIn(inner.inputs[1]) !== undefined);
    if (number !== undefined) into.scale *= node.op === 'Div' ? 1 / number : number;
    else if (isProduct) productOf(inner, whole, into, depth + 1);
    else if (operand) into.factors.push(operand);
  }
  return into;
}

/** Both orders of two factors. */
function pairs({ factors }: Product): [Operand, Operand][] {
  const [a, b] = factors;
  return factors.length === 2
    ? [
        [a, b],
        [b, a],
      ]
    : [];
}

/** Whether a MatMul has a constant matrix on its right. */
export function isLinear(matmul: OnnxNode): boolean {
  const [x, w] = matmul.inputs;
  const c = w?.constant;
  return c?.dtype === 'float32' && c.dim === 2 && c.numel > 0 && !x?.constant && x?.rank !== 1;
}

/** x · w + bias */
export const linear: Pattern = (node) => {
  const [a, b] = node.inputs;
  for (const [product, shift] of [
    [a, b],
    [b, a],
  ]) {
    const matmul = madeBy(product, 'MatMul');
    if (!matmul || !isLinear(matmul)) continue;
    const [x, w] = matmul.inputs as [Operand, Operand];
    const weight = w.constant as HostTensor;
    const bias = vector(shift, weight.shape[1]);
    if (bias) return { layer: linearOf(weight.permute([1, 0]), bias), x, weight: w };
  }
  return undefined;
};

/** What DynamicQuantizeLinear makes integers `q` of, if the scale and the zero point are its own, too. */
function quantizedBy(q: Operand | undefined, scale: Operand | undefined, zero: Operand | undefined) {
  const own = q && scale?.slot === q.slot + 1 && zero?.slot === q.slot + 2;
  return own ? madeBy(q, 'DynamicQuantizeLinear')?.inputs[0] : undefined;
}

/** What DynamicQuantizeLinear makes integers of, if an operand is floats of these again. */
export function quantizedAtEachCall(operand: Operand): Operand | undefined {
  const [q, scale, zero] = madeBy(operand, 'DequantizeLinear')?.inputs ?? [];
  return quantizedBy(q, scale, zero);
}

/** Sums of products of integers, in float again. */
interface DynamicProduct<P> {
  /** What DynamicQuantizeLinear makes integers of. */
  readonly x: Operand;
  readonly product: P;
  /** The scale of the weight. */
  readonly scale: HostTensor;
  /** The sums, in int32 and in float. */
  readonly sums: readonly Operand[];
}

/**
 * What a node is the last piece of: integers that DynamicQuantizeLinear makes of x times others, which `productOf` finds behind the sums,
 * in float and times the scales of both.
 */
export function dynamicProduct<P extends { readonly node: OnnxNode }>(
  node: OnnxNode,
  productOf: (sums: Operand) => P | undefined,
): DynamicProduct<P> | undefined {
  const [a, b] = node.inputs;
  for (const [cast, scales] of [
    [a, b],
    [b, a],
  ]) {
    const [sums] = madeBy(cast, 'Cast')?.inputs ?? [];
    const product = sums && productOf(sums);
    const steps = madeBy(scales, 'Mul')?.inputs ?? [];
    const [q, , zeroX] = product?.node.inputs ?? [];
    const x = quantizedBy(
      q,
      steps.find((o) => !o?.constant),
      zeroX,
    );
    const scale = steps.find((o) => o?.constant)?.constant;
    if (cast && product && x && scale) return { x, product, scale, sums: [sums, cast] };
  }
  return undefined;
}

/** A linear layer whose input is quantized at each call. */
export const dynamicLinear: Pattern = (node) => {
  const found = dynamicProduct(node, (sums) => {
    const matmul = madeBy(sums, 'MatMulInteger');
    return matmul && { node: matmul };
  });
  const [, w, , zeroW] = found?.product.node.inputs ?? [];
  if (!found || !w?.constant) return undefined;
  const { x, scale } = found;
  const integers = w.constant;
  const outputs = integers.shape[1];
  const taken = zeroW?.constant ?? HostTensor.of([0], [], 'int32');
  const fits = [scale, taken].every(({ numel }) => numel === 1 || numel === outputs);
  if (integers.dim !== 2 || integers.numel === 0 || !fits || (zeroW && !zeroW.constant)) return undefined;
  const zeros = int8Zeros(integers, taken);
  if (!zeros) return undefined;
  // A layer has both for each output, or both once.
  const columns = Math.max(scale.numel, new Set(zeros).size > 1 ? outputs : 1);
  const scales = scale.reshape([scale.numel]).expand([columns]);
  const weight = dequantizedBy(integers, scales, taken);
  const layer = linearOf(weight.permute([1, 0]), undefined);
  const weightZero = Array.from({ length: columns }, (_, i) => zeros[zeros.length === 1 ? 0 : i]);
  return { layer, x, weight: { ...w, steps: scales }, attributes: { dynamic: true, weightZero } };
};

/** The zero points of int8 integers that mean what these do: all 0 where they are int8 without what is taken off. */
function int8Zeros(q: HostTensor, zeroPoint: HostTensor): number[] | undefined {
  if (isAroundZero(q, zeroPoint)) return [0];
  if (q.dtype !== 'int8' && q.dtype !== 'uint8') return undefined;
  const zeros = zeroPoint.toArray().map((z) => z - (q.dtype === 'uint8' ? 128 : 0));
  return zeros.every((z) => z >= -128 && z < 128) ? zeros : undefined;
}

/** Whether integers of 8 bits less their zero points, which are one and the same, are integers of int8. */
export function isAroundZero(q: HostTensor, zeroPoint: HostTensor | undefined): boolean {
  const zeros = zeroPoint?.toArray() ?? [0];
  const [zero = 0] = zeros;
  if ((q.dtype !== 'int8' && q.dtype !== 'uint8') || zeros.some((z) => z !== zero)) return false;
  return (q.dtype === 'int8' && zero === 0) || q.data.every((v) => v - zero >= -128 && v - zero < 128);
}

/** (q - zero) · scale of [rows, columns], with one of each or one for each column. */
function dequantizedBy(q: HostTensor, scales: HostTensor, zeros: HostTensor): HostTensor {
  const out = HostTensor.zeros(q.shape, 'float32');
  const columns = q.shape[1];
  const [s, z] = [scales, zeros].map((t) => t.reshape([t.numel]).expand([columns]).data);
  for (let i = 0; i < out.numel; i++) out.data[i] = (q.data[i] - z[i % columns]) * s[i % columns];
  return out;
}

/** x · ½ · (1 + erf(x / √2)) */
export const gelu: Pattern = (node) => {
  const product = productOf(node);
  if (!near(product.scale, 0.5)) return undefined;
  for (const [x, sum] of pairs(product)) {
    const inside = madeBy(without(sum, 1), 'Erf')?.inputs[0]?.source;
    if (inside?.op !== 'Div' && inside?.op !== 'Mul') continue;
    const { scale, factors } = productOf(inside);
    if (factors.length === 1 && same(factors[0], x) && near(scale, Math.SQRT1_2))
      return { layer: new GELU(), x };
  }
  return undefined;
};

/** x · ½ · (1 + tanh(√(2 / π) · (x + 0.044715 · x³))) */
export const geluTanh: Pattern = (node) => {
  for (const x of [node.inputs[0], node.inputs[1], madeBy(node.inputs[0], 'Mul')?.inputs[0]]) {
    if (!x || x.constant) continue;
    const product = productOf(node, x);
    if (!near(product.scale, 0.5)) continue;
    const sum = product.factors.find((f) => !same(f, x));
    if (product.factors.length !== 2 || !sum || !product.factors.some((f) => same(f, x))) continue;
    const inside = madeBy(madeBy(without(sum, 1), 'Tanh')?.inputs[0], 'Mul');
    const { scale, factors } = inside ? productOf(inside, x) : { scale: 0, factors: [] };
    const cubic = madeBy(factors.length === 1 ? factors[0] : undefined, 'Add')?.inputs;
    const cube = cubic?.find((o) => !same(o, x));
    if (!near(scale, Math.sqrt(2 / Math.PI)) || !cubic?.some((o) => same(o, x)) || !isCubic(cube, x))
      continue;
    return { layer: new GELU({ approximate: 'tanh' }), x };
  }
  return undefined;
};

/** 0.044715 · x³ */
function isCubic(operand: Operand | undefined, x: Operand): boolean {
  const mul = madeBy(operand, 'Mul');
  if (!mul) return false;
  const { scale, factors } = productOf(mul, x);
  const power = madeBy(factors.length === 1 ? factors[0] : undefined, 'Pow');
  const cube = power
    ? same(power.inputs[0], x) && near(numberIn(power.inputs[1]), 3)
    : factors.length === 3 && factors.every((f) => same(f, x));
  return cube && near(scale, 0.044715);
}

/** x · clip(x + 3, 0, 6) / 6, or x · hardsigmoid(x) */
export const hardswish: Pattern = (node) => {
  const product = productOf(node);
  for (const [x, gate] of pairs(product)) {
    const clip = madeBy(gate, 'Clip');
    if (clip && near(product.scale, 1 / 6) && isClip(clip, 0, 6) && same(without(clip.inputs[0], 3), x))
      return { layer: new Hardswish(), x };
    const sigmoid = madeBy(gate, 'HardSigmoid');
    const plain =
      sigmoid && near(sigmoid.float('alpha', 0.2), 1 / 6) && near(sigmoid.float('beta', 0.5), 0.5);
    if (plain && near(product.scale, 1) && same(sigmoid.inputs[0], x)) return { layer: new Hardswish(), x };
  }
  return undefined;
};

/** clip(x + 3, 0, 6) / 6 */
export const hardsigmoid: Pattern = (node) => {
  const product = productOf(node);
  const clip = product.factors.length === 1 ? madeBy(product.factors[0], 'Clip') : undefined;
  const x = clip && isClip(clip, 0, 6) ? without(clip.inputs[0], 3) : undefined;
  return x && near(product.scale, 1 / 6) ? { layer: new Hardsigmoid(), x } : undefined;
};

/** x · σ(x), and x · tanh(softplus(x)) */
export const gated: Pattern = (node) => {
  const [a, b] = node.inputs;
  for (const [x, gate] of [
    [a, b],
    [b, a],
  ]) {
    if (!x) continue;
    if (same(madeBy(gate, 'Sigmoid')?.inputs[0], x)) return { layer: new SiLU(), x };
    if (same(madeBy(madeBy(gate, 'Tanh')?.inputs[0], 'Softplus')?.inputs[0], x))
      return { layer: new Mish(), x };
  }
  return undefined;
};

function isClip(node: OnnxNode, min: number, max: number): boolean {
  const low = node.inputs.length > 1 ? numberIn(node.inputs[1]) : node.float('min');
  const high = node.inputs.length > 1 ? numberIn(node.inputs[2]) : node.float('max');
  return low === min && high === max;
}

/** max(x, slope · x), 0 < slope < 1 */
export const leakyRelu: Pattern = (node) => {
  const [a, b] = node.inputs;
  if (node.inputs.length !== 2 || !a || !b) return undefined;
  for (const [x, scaled] of [
    [a, b],
    [b, a],
  ]) {
    const mul = madeBy(scaled, 'Mul');
    if (!mul) continue;
    const { scale, factors } = productOf(mul);
    if (factors.length === 1 && same(factors[0], x) && scale > 0 && scale < 1)
      return { layer: new LeakyReLU(scale), x };
  }
  return undefined;
};

/** A vector that is a constant. */
function vector(operand: Operand | undefined, size?: number): HostTensor | undefined {
  const c = operand?.constant;
  return c?.dim === 1 && c.dtype === 'float32' && c.numel > 0 && (size === undefined || c.numel === size)
    ? c
    : undefined;
}

/** The operand of a mean over the last dim alone, which stays with size 1. */
function meanOf(operand: Operand | undefined): Operand | undefined {
  const mean = madeBy(operand, 'ReduceMean');
  const axes = mean && (mean.inputs[1]?.constant?.toArray() ?? mean.ints('axes'));
  const x = mean?.inputs[0];
  const last = axes?.length === 1 && (axes[0] === -1 || (x?.rank !== undefined && axes[0] === x.rank - 1));
  return last && mean?.flag('keepdims', true) ? x : undefined;
}

/** (x - mean) / √(mean((x - mean)²) + eps) · weight + bias, over the last dim */
export const layerNorm: Pattern = (node) => {
  const [a, b] = node.inputs;
  for (const [scaled, shift] of [
    [a, b],
    [b, a],
  ]) {
    const bias = vector(shift);
    const mul = bias && madeBy(scaled, 'Mul');
    if (!mul) continue;
    const [p, q] = mul.inputs;
    for (const [normal, factor] of [
      [p, q],
      [q, p],
    ]) {
      const weight = vector(factor, bias.numel);
      const div = weight && madeBy(normal, 'Div');
      const centred = div?.inputs[0];
      const sub = madeBy(centred, 'Sub');
      const x = sub?.inputs[0];
      if (!weight || !div || !x || !same(meanOf(sub?.inputs[1]), x)) continue;
      const sum = madeBy(madeBy(div.inputs[1], 'Sqrt')?.inputs[0], 'Add');
      const [u, v] = sum?.inputs ?? [];
      const [variance, eps] = numberIn(v) !== undefined ? [u, numberIn(v)] : [v, numberIn(u)];
      const square = meanOf(variance)?.source;
      const squared =
        square?.op === 'Pow'
          ? near(numberIn(square.inputs[1]), 2)
          : square?.op === 'Mul' && same(square.inputs[1], centred);
      if (eps === undefined || !squared || !same(square?.inputs[0], centred)) continue;
      const layer = skipInit(() => new LayerNorm([weight.numel], { eps }));
      Object.assign(layer, { weight: parameter(weight), bias: parameter(bias) });
      return { layer, x, weight: factor };
    }
  }
  return undefined;
};

/** The channels that a layer gives, if it is one that numbers for each can go into. */
function outputsOf(layer: AnyModule | undefined): number {
  if (layer instanceof Conv2d || layer instanceof Conv1d) return layer.outChannels;
  return layer instanceof Linear ? layer.outFeatures : 0;
}

/** A constant as a vector of the channels of a layer, if it broadcasts to them in a result of this rank. */
function perChannel(
  layer: AnyModule | undefined,
  y: Operand,
  constant: Operand | undefined,
): HostTensor | undefined {
  const c = constant?.constant;
  // A linear layer takes matrices at least.
  const rank = y.rank ?? (layer instanceof Linear ? 2 : 0);
  if (c?.dtype !== 'float32' || c.dim > rank) return undefined;
  const channels = outputsOf(layer);
  const at = (layer instanceof Linear ? rank - 1 : 1) - (rank - c.dim);
  if (channels === 0 || !(c.numel === 1 || (c.numel === channels && c.shape[at] === channels)))
    return undefined;
  return c.reshape([c.numel]).expand([channels]);
}

/** The rows, which first look whether a number for each channel can go into the layer that made the operand. */
export function absorbed(
  rows: readonly OnnxOperator[],
  into: (layer: AnyModule, numbers: HostTensor) => boolean,
): OnnxOperator[] {
  return rows.map((row) => ({
    ...row,
    import(node) {
      const [a, b] = node.inputs;
      for (const [y, c] of [
        [a, b],
        [b, a],
      ]) {
        const numbers = y && perChannel(y.layer, y, c);
        if (!y || !numbers || !node.isReadOnce(y)) continue;
        if (into(y.layer as AnyModule, numbers)) return y;
      }
      return row.import(node);
    },
  }));
}
