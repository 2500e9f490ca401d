import type { Clamp, Clamped } from '@octet/backend';
import { sameShape } from '@octet/tensor';
import type { Graph, Value } from '../graph/graph';
import { type NodeBuilders, type Operand, type Output, unary } from './builder';
import { reduce } from './reductions';

export const elementwise = (): NodeBuilders => ({
  add: binary('Add'),
  sub: binary('Sub'),
  mul: binary('Mul'),
  div: binary('Div'),
  maximum: binary('Max'),
  minimum: binary('Min'),
  power: binary('Pow'),
  fmod: (graph, { a, b }, y) => graph.node('Mod', broadcasting(a.value, b.value, y), y, { fmod: { int: 1 } }),
  remainder: (graph, { a, b }, y) => remainder(graph, broadcasting(a.value, b.value, y), y),
  floorDivide: (graph, { a, b }, y) => floorDivide(graph, broadcasting(a.value, b.value, y), y),
  atan2: (graph, { a, b }, y) => angle(graph, broadcasting(a.value, b.value, y), y),
  affine: (graph, { x }, y, { scale, shift }) => affine(graph, x.value, y, scale, shift),
  exp: unary('Exp'),
  log: unary('Log'),
  sqrt: unary('Sqrt'),
  abs: unary('Abs'),
  sign: unary('Sign'),
  floor: unary('Floor'),
  ceil: unary('Ceil'),
  round: unary('Round'),
  trunc: (graph, { x }, y) =>
    graph.node(
      'Mul',
      [graph.node('Sign', [x.value], y), graph.node('Floor', [graph.node('Abs', [x.value], y)], y)],
      y,
    ),
  sin: unary('Sin'),
  cos: unary('Cos'),
  tan: unary('Tan'),
  asin: unary('Asin'),
  acos: unary('Acos'),
  atan: unary('Atan'),
  sinh: unary('Sinh'),
  cosh: unary('Cosh'),
  asinh: unary('Asinh'),
  acosh: unary('Acosh'),
  atanh: unary('Atanh'),
  erf: unary('Erf'),
  log1p: (graph, { x }, y) =>
    graph.node('Log', [graph.node('Add', [x.value, graph.scalar(y.dtype, 1)], y)], y),
  expm1: (graph, { x }, y) =>
    graph.node('Sub', [graph.node('Exp', [x.value], y), graph.scalar(y.dtype, 1)], y),
  pow: (graph, { x }, y, { exponent }) => graph.node('Pow', [x.value, graph.scalar(y.dtype, exponent)], y),
  relu: unary('Relu'),
  relu6: (graph, { x }, y) => clip(graph, x.value, y, 0, 6),
  hardswish: (graph, { x }, y) => hardswish(graph, x.value, y),
  hardsigmoid: unary('HardSigmoid', hardsigmoidAttributes()),
  leakyRelu: (graph, { x }, y, { negativeSlope }) =>
    graph.node('LeakyRelu', [x.value], y, { alpha: { float: negativeSlope } }),
  gelu: (graph, { x }, y) => gelu(graph, x.value, y),
  geluTanh: (graph, { x }, y) => geluTanh(graph, x.value, y),
  elu: (graph, { x }, y, { alpha }) => graph.node('Elu', [x.value], y, { alpha: { float: alpha } }),
  selu: unary('Selu'),
  softsign: unary('Softsign'),
  hardshrink: (graph, { x }, y, { lambd }) => graph.node('Shrink', [x.value], y, { lambd: { float: lambd } }),
  softshrink: (graph, { x }, y, { lambd }) =>
    graph.node('Shrink', [x.value], y, { lambd: { float: lambd }, bias: { float: lambd } }),
  sigmoid: unary('Sigmoid'),
  tanh: unary('Tanh'),
  clamp: (graph, { x }, y, { min, max }) => clip(graph, x.value, y, min, max),
});

function binary(op: string) {
  return (
    graph: Graph,
    { a, b }: { readonly a: Operand; readonly b: Operand },
    y: Output,
    { clamp }: Clamped,
  ): Value => clamped(graph, graph.node(op, broadcasting(a.value, b.value, y), y), y, clamp);
}

/** Two operands for a node that broadcasts to the shape of `y`: as they were before they were expanded, if that is enough. */
export function broadcasting(a: Value, b: Value, y: Output): [Value, Value] {
  const [smallA, smallB] = [unexpanded(a), unexpanded(b)];
  return sameShape(broadcast(smallA.shape, smallB.shape), y.shape) ? [smallA, smallB] : [a, b];
}

/** a - floor(a / b) · b; ONNX has it of integers. */
function remainder(graph: Graph, [a, b]: [Value, Value], y: Output): Value {
  if (y.dtype === 'int32') return graph.node('Mod', [a, b], y);
  const quotient = graph.node('Floor', [graph.node('Div', [a, b], y)], y);
  return graph.node('Sub', [a, graph.node('Mul', [quotient, b], y)], y);
}

/** A division of integers drops the fraction: what remains is taken off first. */
function floorDivide(graph: Graph, [a, b]: [Value, Value], y: Output): Value {
  if (y.dtype !== 'int32') return graph.node('Floor', [graph.node('Div', [a, b], y)], y);
  const multiple = graph.node('Sub', [a, graph.node('Mod', [a, b], y)], y);
  return graph.node('Div', [multiple, b], y);
}

/** atan(a / b), by half a turn away from it left of 0, with the sign of a; 0 at the point 0. */
function angle(graph: Graph, [a, b]: [Value, Value], y: Output): Value {
  const truth = { shape: y.shape, dtype: 'bool' } as const;
  const [zero, turn] = [graph.scalar(y.dtype, 0), graph.scalar(y.dtype, Math.PI)];
  const atan = graph.node('Atan', [graph.node('Div', [a, b], y)], y);
  const below = graph.node('Less', [a, zero], { ...truth, shape: a.shape });
  const left = graph.node('Less', [b, zero], { ...truth, shape: b.shape });
  const half = graph.node('Where', [below, graph.scalar(y.dtype, -Math.PI), turn], { ...y, shape: a.shape });
  const shifted = graph.node('Add', [atan, graph.node('Where', [left, half, zero], y)], y);
  const origin = graph.node(
    'And',
    [a, b].map((v) => graph.node('Equal', [v, zero], { ...truth, shape: v.shape })),
    truth,
  );
  return graph.node('Where', [origin, zero, shifted], y);
}

export function unexpanded(value: Value): Value {
  return value.node?.op === 'Expand' ? (value.node.inputs[0] as Value) : value;
}

/** The shape that two, which are known to fit, broadcast to. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  const lead = long.length - short.length;
  return long.map((n, i) => (i >= lead && n === 1 ? short[i - lead] : n));
}

function affine(graph: Graph, x: Value, y: Output, scale: number, shift: number): Value {
  const mean = shift === 0 ? meanOf(graph, x, scale) : undefined;
  if (mean) return graph.reshape(mean, y.shape);
  if (scale === -1 && shift === 0) return graph.node('Neg', [x], y);
  const scaled = scale === 1 ? x : graph.node('Mul', [x, graph.scalar(y.dtype, scale)], y);
  return shift === 0 ? scaled : graph.node('Add', [scaled, graph.scalar(y.dtype, shift)], y);
}

/** The mean, where what is scaled is a sum, and the scale one by as many as it sums. */
function meanOf(graph: Graph, x: Value, scale: number): Value | undefined {
  const sum = x.node?.op === 'Reshape' ? x.node.inputs[0] : x;
  const from = sum?.node?.op === 'ReduceSum' ? sum.node.inputs[0] : undefined;
  if (!sum || !from) return undefined;
  const axes = [...from.shape.keys()].filter((d) => from.shape[d] !== sum.shape[d]);
  const n = axes.reduce((product, d) => product * from.shape[d], 1);
  return axes.length > 0 && scale === 1 / n ? reduce(graph, 'ReduceMean', from, axes) : undefined;
}

/** What is asked of the output of a node. */
type Made = Pick<Output, 'shape' | 'dtype'>;

/** The value between the bounds of a kernel's output, if it has some. */
export function clamped(graph: Graph, value: Value, y: Made, clamp: Clamp | undefined): Value {
  if (!clamp) return value;
  const [min, max] = clamp;
  return min === 0 && max === Number.POSITIVE_INFINITY
    ? graph.node('Relu', [value], y)
    : clip(graph, value, y, min, max);
}

function clip(graph: Graph, x: Value, y: Made, min: number, max: number): Value {
  const bound = (v: number) => (Number.isFinite(v) ? graph.scalar(y.dtype, v) : undefined);
  return graph.node('Clip', [x, bound(min), bound(max)], y);
}

function hardsigmoidAttributes() {
  return { alpha: { float: 1 / 6 }, beta: { float: 0.5 } };
}

export function hardswish(graph: Graph, x: Value, y: Made): Value {
  if (graph.opset >= 14) return graph.node('HardSwish', [x], y);
  return graph.node('Mul', [x, graph.node('HardSigmoid', [x], y, hardsigmoidAttributes())], y);
}

/** x · (1 + tanh(√(2 / π) · (x + 0.044715 · x³))) / 2, in the pieces that PyTorch's exporter has */
function geluTanh(graph: Graph, x: Value, y: Output): Value {
  if (graph.opset >= 20) return graph.node('Gelu', [x], y, { approximate: { string: 'tanh' } });
  const by = (value: Value, factor: number) => graph.node('Mul', [value, graph.scalar(y.dtype, factor)], y);
  const cube = graph.node('Pow', [x, graph.scalar(y.dtype, 3)], y);
  const inside = by(graph.node('Add', [x, by(cube, 0.044715)], y), Math.sqrt(2 / Math.PI));
  return halfWay(graph, x, graph.node('Tanh', [inside], y), y);
}

/** x · (1 + erf(x / √2)) / 2 */
function gelu(graph: Graph, x: Value, y: Output): Value {
  if (graph.opset >= 20) return graph.node('Gelu', [x], y);
  const scaled = graph.node('Mul', [x, graph.scalar(y.dtype, Math.SQRT1_2)], y);
  return halfWay(graph, x, graph.node('Erf', [scaled], y), y);
}

/** x · (1 + gate) / 2 */
function halfWay(graph: Graph, x: Value, gate: Value, y: Output): Value {
  const twice = graph.node('Mul', [x, graph.node('Add', [gate, graph.scalar(y.dtype, 1)], y)], y);
  return graph.node('Mul', [twice, graph.scalar(y.dtype, 0.5)], y);
}
