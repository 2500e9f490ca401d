/** Integer kernels in QDQ form: dequantize the operands, the operation in float, quantize the result. */
import { type KernelTable, numel, type QuantizedDType, quantRange } from '@octet/backend';
import { fromData, type QParams, sameShape, type Tensor } from '@octet/tensor';
import { elementTypes } from '../graph/element-types';
import type { Graph, Like, Value } from '../graph/graph';
import { clampToIntegers, dequantize, quantize, quantizeClamped } from '../graph/qdq';
import type { AnyNodeBuilder, NodeBuilders, Operand, Output } from './builder';
import { composed } from './composite';
import { broadcasting, elementwise } from './elementwise';
import { masks } from './masks';
import { layerNormOfRows } from './normalization';
import { adaptiveAveragePool, averagePool, maxPool, type PoolNode, resized } from './pools';
import { convolution, gemmAttributes, transposedConvolution, turned } from './products';
import { reduce, reducedAxes } from './reductions';

export const int8 = (): NodeBuilders => ({
  quantize: (graph, { x }, y) => quantize(graph, x.value, y.tensor),
  dequantize: (graph, { x }) => floats(graph, x),
  qconv2d: (graph, { x, weight, bias }, y, attrs) =>
    convolution(graph, x.value, weight.value, asFloat(y), attrs, (row, kernel, like, attributes) => {
      const inputs = [
        floats(graph, { ...x, value: row }),
        floats(graph, { ...weight, value: kernel }),
        bias && biasFloats(graph, bias, x, weight),
      ];
      return quantizeClamped(graph, graph.node('Conv', inputs, like, attributes), y.tensor, attrs);
    }),
  qconvTranspose2d: (graph, { x, weight, bias }, y, attrs) =>
    transposedConvolution(
      graph,
      x.value,
      weight.value,
      asFloat(y),
      attrs,
      (row, kernel, like, attributes) => {
        const inputs = [
          floats(graph, { ...x, value: row }),
          floats(graph, { ...weight, value: kernel }),
          bias && biasFloats(graph, bias, x, weight),
        ];
        return quantizeClamped(graph, graph.node('ConvTranspose', inputs, like, attributes), y.tensor, attrs);
      },
    ),
  qlinear: (graph, inputs, y, attrs) => linear(graph, inputs, y, attrs),
  qlinearDynamic: (graph, inputs, y, attrs) => dynamicLinear(graph, inputs, y, attrs),
  qconv2dDynamic: (graph, inputs, y, attrs) =>
    attrs.weightZeroPoint.every((zero) => zero === 0)
      ? dynamicConvolution(graph, inputs, y, attrs)
      : convolutionOfIntegers(graph, inputs, y, attrs),
  qadd: binary('Add'),
  qmul: binary('Mul'),
  qmaxPool2d: (graph, { x }, y, attrs) => maxPool(graph, x.value, asFloat(y), attrs, pool(graph, x, y)),
  qavgPool2d: (graph, { x }, y, attrs) => averagePool(graph, x.value, asFloat(y), attrs, pool(graph, x, y)),
  qresample2d: (graph, { x }, y, attrs) => resized(graph, x.value, asFloat(y), attrs, pool(graph, x, y)),
  qadaptiveAvgPool2d: (graph, { x }, y) =>
    poolsImages(x, y)
      ? adaptiveAveragePool(graph, x.value, asFloat(y), pool(graph, x, y))
      : meanOverDims(graph, x, y, floats(graph, x)),
  qaffine: (graph, { x }, y, attrs) => affineOfChannels(graph, x, y, attrs),
  qgroupNorm: (graph, { x, weight, bias }, y, { groups, eps }) =>
    quantize(graph, groupNorm(graph, floats(graph, x), x, weight, bias, asFloat(y), groups, eps), y.tensor),
  qlookup: (graph, { x }, y, attrs) => lookup(graph, x, y, attrs),
});

/** Whether the kernel pools images, and not dims that it was shown as one. */
function poolsImages({ value, physical }: Operand, y: Output): boolean {
  const [n, c, h, w] = value.shape;
  const images = value.shape.length === 4 && sameShape(physical, [n, h, w, c]);
  return images && y.shape.length === 4 && y.shape[0] === n && y.shape[1] === c;
}

/** The mean of the dims between outer and inner of a kernel that sees [outer, 1, n, inner]. */
function meanOverDims(graph: Graph, x: Operand, y: Output, floats: Value): Value {
  const [outer, , n, inner] = x.physical;
  const axes = reducedAxes({ ...x, physical: [outer, n, inner] });
  // Integers are reshaped: what is between two QuantizeLinear is one operator.
  return graph.reshape(quantize(graph, reduce(graph, 'ReduceMean', floats, axes), y.tensor), y.shape);
}

function qparams(t: Tensor): QParams {
  return t.qparams as QParams;
}

function floats(graph: Graph, { value, tensor }: Operand): Value {
  return dequantize(graph, value, qparams(tensor));
}

/** The node of a pool, of integers. */
function pool(graph: Graph, x: Operand, y: Output): PoolNode {
  return (op, value, like, attributes, more = []) =>
    quantize(graph, graph.node(op, [floats(graph, { ...x, value }), ...more], like, attributes), y.tensor);
}

function asFloat({ shape }: Output): Like {
  return { shape, dtype: 'float32' };
}

/**
 * The numbers that the int32 bias, at the scale f32(sx · sw) of the sums, means. onnxruntime quantizes them at just that scale; numbers
 * take half of the bytes of integers and their scales.
 */
function biasFloats(graph: Graph, bias: Operand, x: Operand, weight: Operand): Value {
  const [xq, wq] = [qparams(x.tensor), qparams(weight.tensor)];
  const sx = Math.fround((xq as { scale: number }).scale);
  const scales = wq.scheme === 'perTensor' ? [wq.scale] : wq.scales;
  const { data, name } = bias.value.constant ?? {};
  if (!data || !('storage' in data)) throw new Error('octet: a bias that is no tensor of the model');
  return graph.once(bias.value, `${sx} ${scales}`, () => {
    const products = Float32Array.from(scales, (sw) => sx * Math.fround(sw));
    const scale = fromData(products, [products.length], { backend: data.backend });
    return graph.tensor(data.to('float32').mul(scale), `${name}`);
  });
}

function binary(op: string) {
  return (
    graph: Graph,
    { a, b }: { readonly a: Operand; readonly b: Operand },
    y: Output,
    attrs: { clampMin: number; clampMax: number },
  ): Value => {
    const [valueA, valueB] = broadcasting(a.value, b.value, y);
    const inputs = [
      dequantize(graph, valueA, qparams(a.tensor)),
      dequantize(graph, valueB, qparams(b.tensor)),
    ];
    return quantizeClamped(graph, graph.node(op, inputs, asFloat(y)), y.tensor, attrs);
  };
}

interface LinearInputs {
  readonly x: Operand;
  readonly weight: Operand;
  readonly bias?: Operand;
}

/** Its operands, of which the values are enough. */
interface DynamicInputs {
  readonly x: Pick<Operand, 'value'>;
  readonly weight: Pick<Operand, 'value'>;
  readonly bias?: Pick<Operand, 'value'> | undefined;
}

/** As Gemm, which takes rows: other ranks are reshaped, while they are integers. */
function linear(
  graph: Graph,
  { x, weight, bias }: LinearInputs,
  y: Output,
  attrs: KernelTable['qlinear']['attrs'],
): Value {
  const rows = x.value.shape.length === 2 ? x.value : graph.reshape(x.value, x.physical);
  const inputs = [
    dequantize(graph, rows, qparams(x.tensor)),
    floats(graph, weight),
    bias && biasFloats(graph, bias, x, weight),
  ];
  const sums = graph.node('Gemm', inputs, { shape: y.physical, dtype: 'float32' }, gemmAttributes());
  const out = quantizeClamped(graph, sums, y.tensor, attrs);
  return rows === x.value ? out : graph.reshape(out, y.shape);
}

/**
 * The input quantized by its own range at every call; sums in int32; scaled and biased in float. To 8 bits whatever
 * `reduceRange` says: DynamicQuantizeLinear has no other range.
 */
export function dynamicLinear(
  graph: Graph,
  { x, weight, bias }: DynamicInputs,
  y: Like,
  attrs: KernelTable['qlinearDynamic']['attrs'],
): Value {
  const { weightScale, weightZeroPoint } = attrs;
  const [integers, scale, zeroPoint] = byOwnRange(graph, x.value);
  const shapeW = weightScale.length === 1 ? [] : [weightScale.length];
  const symmetric = weightZeroPoint.every((z) => z === 0);
  const weightZero = symmetric ? undefined : graph.constant('int8', shapeW, weightZeroPoint);
  const inputs = [integers, turned(graph, weight.value), zeroPoint, weightZero];
  const sums = graph.node('MatMulInteger', inputs, { shape: y.shape, dtype: 'int32' });
  const made = scaled(graph, sums, scale, graph.constant('float32', shapeW, weightScale), bias?.value, y);
  graph.dynamicProducts.set(made, { x: x.value, weight: weight.value, bias: bias?.value, attrs });
  return made;
}

/** The input quantized by its own range at every call, and what its integers mean: onnxruntime multiplies floats five times as fast as ConvInteger. */
function dynamicConvolution(
  graph: Graph,
  { x, weight, bias }: LinearInputs,
  y: Output,
  attrs: KernelTable['qconv2dDynamic']['attrs'],
): Value {
  return convolution(graph, x.value, weight.value, asFloat(y), attrs, (row, kernel, like, attributes) => {
    const image = { shape: row.shape, dtype: 'float32' } as const;
    const inputs = [
      graph.node('DequantizeLinear', byOwnRange(graph, row), image),
      floats(graph, { ...weight, value: kernel }),
      bias?.value,
    ];
    return graph.node('Conv', inputs, like, attributes);
  });
}

/**
 * The same by ConvInteger, which says zero points of weights. onnxruntime takes one for all of them: sums of x, which those of the outputs
 * are multiplied by, say several.
 */
function convolutionOfIntegers(
  graph: Graph,
  { x, weight, bias }: DynamicInputs,
  y: Output,
  attrs: KernelTable['qconv2dDynamic']['attrs'],
): Value {
  const { weightScale, weightZeroPoint } = attrs;
  const image = { shape: y.shape, dtype: 'float32' } as const;
  return convolution(graph, x.value, weight.value, image, attrs, (row, kernel, like, attributes) => {
    const [integers, scale, zeroPoint] = byOwnRange(graph, row);
    const summed = (weights: Value, zero?: Value) =>
      graph.node(
        'ConvInteger',
        [integers, weights, zeroPoint, zero],
        { shape: [like.shape[0], weights.shape[0], ...like.shape.slice(2)], dtype: 'int32' },
        attributes,
      );
    const places = like.shape.slice(2).map(() => 1);
    const perChannel = (n: number) => (n === 1 ? [] : [n, ...places]);
    const several = weightZeroPoint.some((zero) => zero !== weightZeroPoint[0]);
    let sums: Value;
    if (several) {
      const taps = [attrs.groups === 1 ? 1 : kernel.shape[0], ...kernel.shape.slice(1)];
      const ones = graph.constant('int8', taps, new Int8Array(numel(taps)).fill(1));
      const zero = graph.constant('int32', perChannel(weightZeroPoint.length), weightZeroPoint);
      const whole = summed(kernel);
      sums = graph.node('Sub', [whole, graph.node('Mul', [summed(ones), zero], whole)], whole);
    } else {
      const [zero] = weightZeroPoint;
      sums = summed(kernel, zero === 0 ? undefined : graph.constant('int8', [], Int8Array.of(zero)));
    }
    const scales = graph.constant('float32', perChannel(weightScale.length), weightScale);
    const biases = bias && graph.reshape(bias.value, [...bias.value.shape, ...places]);
    return scaled(graph, sums, scale, scales, biases, like);
  });
}

/** x as uint8 by its own range, with scale and zero point. */
function byOwnRange(graph: Graph, x: Value): readonly Value[] {
  return graph.nodeWithOutputs(
    'DynamicQuantizeLinear',
    [x],
    [
      { shape: x.shape, dtype: 'uint8' },
      { shape: [], dtype: 'float32' },
      { shape: [], dtype: 'uint8' },
    ],
  );
}

/** f32(sums) · (scale · scales) + bias */
function scaled(
  graph: Graph,
  sums: Value,
  scale: Value,
  scales: Value,
  bias: Value | undefined,
  y: Like,
): Value {
  const float = graph.node('Cast', [sums], y, { to: { int: elementTypes.float32 } });
  const product = graph.node('Mul', [float, graph.node('Mul', [scale, scales], scales)], y);
  return bias ? graph.node('Add', [product, bias], y) : product;
}

/** A function of 8-bit integers, by what is known of it; any other as the table itself, by Gather. */
function lookup(graph: Graph, x: Operand, y: Output, { table, of }: KernelTable['qlookup']['attrs']): Value {
  const dtype = x.tensor.dtype as QuantizedDType;
  const [first] = quantRange[dtype];
  const sameDType = dtype === y.tensor.dtype;
  // The integers stay, and what they mean may change: y's readers know its scale.
  if (sameDType && table.every((q, i) => q === first + i)) return x.value;
  const f = of && (functions[of.op] ?? activation(of));
  if (f) return quantize(graph, f(graph, floats(graph, x), of), y.tensor);
  const [lo, hi] = [table[0], table[255]];
  const clamps = table.every((q, i) => q === Math.min(Math.max(first + i, lo), hi));
  if (sameDType && clamps && sameScale(x.tensor, y.tensor)) {
    return quantize(graph, clampToIntegers(graph, floats(graph, x), y.tensor, lo, hi), y.tensor);
  }
  return gathered(graph, x.value, y, table, first);
}

/** Normalised rows: of a layer's, or of each group of channels of [N, C, …]. */
function groupNorm(
  graph: Graph,
  floats: Value,
  { physical: [samples, length, channels] }: Operand,
  weight: Operand,
  bias: Operand,
  like: Like,
  groups: number,
  eps: number,
): Value {
  const ofRows = length === 1 && groups === 1;
  const rows = graph.reshape(floats, [samples * groups, (length * channels) / groups]);
  const normal = layerNormOfRows(graph, rows, eps);
  const shape = ofRows ? [channels] : [channels, ...new Array<number>(like.shape.length - 2).fill(1)];
  const whole = ofRows ? normal : graph.reshape(normal, like.shape);
  const scaled = graph.node('Mul', [whole, graph.reshape(weight.value, shape)], whole);
  return graph.reshape(graph.node('Add', [scaled, graph.reshape(bias.value, shape)], whole), like.shape);
}

/** x · m + shift by the channel, in real numbers; where m depends on the sign, PRelu says by how much. */
function affineOfChannels(
  graph: Graph,
  x: Operand,
  y: Output,
  { positive, negative, shift, clampMin, clampMax }: KernelTable['qaffine']['attrs'],
): Value {
  const [sx, sy] = [x.tensor, y.tensor].map((t) => Math.fround((qparams(t) as { scale: number }).scale));
  const channels = [positive.length, ...new Array<number>(x.value.shape.length - 2).fill(1)];
  const constant = (of: (c: number) => number) =>
    graph.constant(
      'float32',
      channels,
      Float32Array.from(positive, (_, c) => of(c)),
    );
  const like = asFloat(y);
  let out = floats(graph, x);
  if (positive.some((m, c) => m !== negative[c]))
    out = graph.node('PRelu', [out, constant((c) => negative[c] / positive[c])], like);
  if (positive.some((m) => Math.abs((m * sy) / sx - 1) > 1e-6))
    out = graph.node('Mul', [out, constant((c) => (positive[c] * sy) / sx)], like);
  if (shift.some((s) => s !== 0)) out = graph.node('Add', [out, constant((c) => shift[c] * sy)], like);
  return quantizeClamped(graph, out, y.tensor, { clampMin, clampMax });
}

type TableOf = NonNullable<KernelTable['qlookup']['attrs']['of']>;

/** The functions that are known by name, one line each. */
const functions: Readonly<Record<string, (graph: Graph, x: Value, of: TableOf) => Value>> = {
  sigmoid: (graph, x) => graph.node('Sigmoid', [x], x),
  tanh: (graph, x) => graph.node('Tanh', [x], x),
  requantize: (_graph, x) => x,
};

/** Activations whose tables are the kernels of floats between scales: onnxruntime takes a third of the time of a Gather for them. */
const activations: readonly string[] = [
  'silu',
  'gelu',
  'geluTanh',
  'mish',
  'elu',
  'celu',
  'selu',
  'softplus',
  'softsign',
  'hardsigmoid',
  'hardswish',
  'leakyRelu',
];

function activation({ op }: TableOf): ((graph: Graph, x: Value, of: TableOf) => Value) | undefined {
  const name = activations.find((kernel) => op === `quantized.${kernel}`);
  if (name === undefined) return undefined;
  const rows = { ...elementwise(), ...masks() } as Readonly<Record<string, AnyNodeBuilder | undefined>>;
  const build = rows[name] ?? composed(name, rows);
  if (!build) return undefined;
  return (graph, x, of) => {
    const operand = { value: x, shape: x.shape, dtype: x.dtype };
    return build(graph, { x: operand as never }, operand as never, of);
  };
}

function sameScale(x: Tensor, y: Tensor): boolean {
  const [a, b] = [qparams(x), qparams(y)];
  return (
    a.scheme === 'perTensor' && b.scheme === 'perTensor' && a.scale === b.scale && a.zeroPoint === b.zeroPoint
  );
}

function gathered(graph: Graph, x: Value, y: Output, table: Uint8Array | Int8Array, first: number): Value {
  const index = graph.node(
    'Cast',
    [x],
    { shape: x.shape, dtype: 'int32' },
    { to: { int: elementTypes.int32 } },
  );
  const fromZero = first === 0 ? index : graph.node('Sub', [index, graph.scalar('int32', first)], index);
  return graph.node('Gather', [graph.constant(y.dtype, [256], table), fromZero], y);
}
