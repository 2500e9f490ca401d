import type { KernelTable } from '@octet/backend';
import { cat, numel, type Tensor } from '@octet/tensor';
import type { Graph, Like, Value } from '../graph/graph';
import { dequantize } from '../graph/qdq';
import { rowMajor } from '../trace/layout';
import { view } from '../trace/view';
import type { NodeBuilders, Operand, Output } from './builder';
import { dynamicLinear } from './int8';
import { linear, turned } from './products';

type Dynamic = KernelTable['qlstmDynamic']['attrs'];

export const recurrent = (): NodeBuilders => ({
  lstm: (graph, t, y) => lstm(graph, t, y),
  qlstmDynamic: (graph, t, y, attrs) => dynamicLstm(graph, t, y, attrs),
  gru: (graph, t, y) => gru(graph, t, y),
  qgruDynamic: (graph, t, y, attrs) => dynamicGru(graph, t, y, attrs),
});

/** For each of ONNX's gates, its place among PyTorch's: i, o, f, c of i, f, g, o; z, r, h of r, z, n. */
const gates = { LSTM: [0, 3, 1, 2], GRU: [1, 0, 2] } as const;

type Kind = keyof typeof gates;

interface Inputs {
  readonly x: Operand;
  readonly weight: Operand;
  readonly bias?: Operand;
  readonly h0: Operand;
  readonly c0?: Operand;
}

/** The part of `value` [n, …] from `offset` elements on that has the shape [size, …]. */
function part(graph: Graph, value: Value, offset: number, shape: readonly number[]): Value {
  const all = rowMajor(value.shape);
  return view(graph, value, all, { ...all, shape, offset });
}

/** Gates along the first dim as ONNX has them; a tensor of the model is reordered when it is written. */
function reordered(graph: Graph, value: Value, kind: Kind): Value {
  const [rows, ...rest] = value.shape;
  const size = rows / gates[kind].length;
  return graph.once(value, `gates of ${kind}`, () => {
    const { data, name } = value.constant ?? {};
    if (data && 'storage' in data)
      return graph.tensor(
        cat(
          gates[kind].map((k) => integersOf(data).slice(0, k * size, (k + 1) * size)),
          0,
        ),
        `${name}`,
      );
    const parts = gates[kind].map((k) => part(graph, value, k * size * numel(rest), [size, ...rest]));
    return graph.node('Concat', parts, value, { axis: { int: 0 } });
  });
}

/** What a tensor holds, without its scales: parts of it are written in another order. */
function integersOf(t: Tensor): Tensor {
  return t.isQuantized ? t.intRepr() : t;
}

/** Numbers by the gate, in ONNX's order; one for all gates stays one. */
function reorderedNumbers(values: ArrayLike<number>, kind: Kind): number[] {
  const all = Array.from(values);
  const size = all.length / gates[kind].length;
  return all.length === 1 ? all : gates[kind].flatMap((k) => all.slice(k * size, (k + 1) * size));
}

/** A layer in ONNX's form: it makes the inputs' share of the gates itself. */
interface Layer {
  readonly x: Value;
  /** [gates · H, inputs] and [gates · H, H]. */
  readonly weights: readonly Value[];
  /** [gates · H] each. */
  readonly biases: readonly (Value | undefined)[];
}

function floatLayer(graph: Graph, { x, weight, bias }: Inputs, { dtype }: Output): Layer {
  const width = x.value.shape[2];
  const product = productOf(graph, x.value) ?? {
    x: x.value,
    weight: graph.constant(dtype, [width, width], identity(width)),
    bias: undefined,
  };
  return { x: product.x, weights: [product.weight, weight.value], biases: [product.bias, bias?.value] };
}

/** The inputs' bias and the state's, one after the other [1, 2 · gates · H]. */
function biasOf(graph: Graph, { biases, weights }: Layer, kind: Kind, { dtype }: Output): Value | undefined {
  if (biases.every((bias) => bias === undefined)) return undefined;
  const [width] = weights[0].shape;
  const none = () => graph.constant(dtype, [width], new Float64Array(width));
  const both = graph.node(
    'Concat',
    biases.map((bias) => (bias ? reordered(graph, bias, kind) : none())),
    { shape: [2 * width], dtype },
    { axis: { int: 0 } },
  );
  return graph.reshape(both, [1, 2 * width]);
}

/** [rows, columns] of the one direction there is. */
function ofOneWay(graph: Graph, value: Value): Value {
  return graph.reshape(value, [1, ...value.shape]);
}

/** One node of all steps. */
function lstm(graph: Graph, t: Inputs, y: Output): Value {
  const layer = floatLayer(graph, t, y);
  const weights = layer.weights.map((w) => ofOneWay(graph, reordered(graph, w, 'LSTM')));
  const inputs = [layer.x, ...weights, biasOf(graph, layer, 'LSTM', y)];
  const steps = () =>
    unrolledLstm(graph, t, y, (h, like) => linear(graph, h, t.weight.value, t.bias?.value, like));
  return allStates(graph, 'LSTM', inputs, t, y, steps);
}

/**
 * One node of onnxruntime's, which quantizes inputs and state at every product, as the kernel does. Weights with zero points, and gates that are
 * no product by int8 weights, step after step.
 */
function dynamicLstm(graph: Graph, t: Inputs, y: Output, attrs: Dynamic): Value {
  const steps = () =>
    unrolledLstm(graph, t, y, (h, like) => dynamicLinear(graph, { ...t, x: { value: h } }, like, attrs));
  const product = graph.dynamicProducts.get(t.x.value);
  const symmetric = [product?.attrs, attrs].every((a) => a?.weightZeroPoint.every((z) => z === 0));
  if (!product || !symmetric || product.x.shape.length !== 3) return steps();
  const layer: Layer = {
    x: product.x,
    weights: [product.weight, t.weight.value],
    biases: [product.bias, t.bias?.value],
  };
  const weights = layer.weights.map((w) => ofOneWay(graph, turned(graph, reordered(graph, w, 'LSTM'))));
  const parameters = [product.attrs, attrs].flatMap(({ weightScale }) => {
    const scales = reorderedNumbers(weightScale, 'LSTM');
    const shape = scales.length === 1 ? [1] : [1, scales.length];
    return [
      graph.constant('float32', shape, scales),
      graph.constant('int8', shape, new Array<number>(scales.length).fill(0)),
    ];
  });
  const inputs = [layer.x, ...weights, biasOf(graph, layer, 'LSTM', y)];
  return allStates(graph, 'DynamicQuantizeLSTM', inputs, t, y, steps, parameters);
}

/** All h and all c [2, T, N, H] of a node that gives all h, and the last c; the c of other steps is of `steps`. */
function allStates(
  graph: Graph,
  op: string,
  inputs: readonly (Value | undefined)[],
  { h0, c0 }: Inputs,
  y: Output,
  steps: () => Value,
  parameters: readonly Value[] = [],
): Value {
  const [, count, n, hidden] = y.shape;
  const { dtype } = y;
  const states = [h0, c0 as Operand].map(({ value }) => graph.reshape(value, [1, n, hidden]));
  const rest = parameters.length > 0 ? [undefined, ...parameters] : [];
  const state = { shape: [1, n, hidden], dtype };
  const [all, , c] = graph.nodeWithOutputs(
    op,
    [...inputs, ...new Array<undefined>(5 - inputs.length).fill(undefined), ...states, ...rest],
    [{ shape: [count, 1, n, hidden], dtype }, state, state],
    { hidden_size: { int: hidden } },
  );
  if (parameters.length > 0) Object.assign(all.node as object, { domain: 'com.microsoft' });
  const last = graph.reshape(c, [1, 1, n, hidden]);
  // Pruned where nobody reads them.
  const before = () => part(graph, steps(), count * n * hidden, [1, count - 1, n, hidden]);
  const allC =
    count === 1
      ? last
      : graph.node('Concat', [before(), last], { shape: [1, count, n, hidden], dtype }, { axis: { int: 1 } });
  const allH = graph.reshape(all, [1, count, n, hidden]);
  return graph.node('Concat', [allH, allC], y, { axis: { int: 0 } });
}

/** One node of all steps. */
function gru(graph: Graph, t: Inputs, y: Output): Value {
  const layer = floatLayer(graph, t, y);
  const weights = layer.weights.map((w) => ofOneWay(graph, reordered(graph, w, 'GRU')));
  return gruNode(graph, layer, weights, t.h0.value, y);
}

/** One node, whose weights are the numbers of the integers: ONNX has no other GRU, and onnxruntime neither. */
function dynamicGru(graph: Graph, t: Inputs, y: Output, attrs: Dynamic): Value {
  const product = graph.dynamicProducts.get(t.x.value);
  if (product?.x.shape.length !== 3)
    return unrolledGru(graph, t, y, (h, like) =>
      dynamicLinear(graph, { ...t, x: { value: h } }, like, attrs),
    );
  const layer: Layer = {
    x: product.x,
    weights: [product.weight, t.weight.value],
    biases: [product.bias, t.bias?.value],
  };
  const weights = [product.attrs, attrs].map(({ weightScale, weightZeroPoint }, i) => {
    const [scales, zeroPoints] = [weightScale, weightZeroPoint].map((v) => reorderedNumbers(v, 'GRU'));
    const integers = ofOneWay(graph, reordered(graph, layer.weights[i], 'GRU'));
    return dequantize(
      graph,
      integers,
      scales.length === 1
        ? { scheme: 'perTensor', scale: scales[0], zeroPoint: zeroPoints[0] }
        : {
            ...({ scheme: 'perChannel', axis: 1 } as const),
            scales: Float32Array.from(scales),
            zeroPoints: Int32Array.from(zeroPoints),
          },
    );
  });
  return gruNode(graph, layer, weights, t.h0.value, y);
}

function gruNode(graph: Graph, layer: Layer, weights: readonly Value[], h0: Value, y: Output): Value {
  const [steps, n, hidden] = y.shape;
  const all = graph.node(
    'GRU',
    [layer.x, ...weights, biasOf(graph, layer, 'GRU', y), undefined, graph.reshape(h0, [1, n, hidden])],
    { shape: [steps, 1, n, hidden], dtype: y.dtype },
    { hidden_size: { int: hidden }, linear_before_reset: { int: 1 } },
  );
  return graph.reshape(all, y.shape);
}

/** Of a value that is x [T, N, inputs] · weightᵀ + bias by constants: what it was made of. */
function productOf(
  graph: Graph,
  value: Value,
): { readonly x: Value; readonly weight: Value; readonly bias: Value | undefined } | undefined {
  const [sum, bias] = value.node?.op === 'Add' ? value.node.inputs : [value, undefined];
  if (sum?.node?.op !== 'MatMul' || (bias && !(isFixed(bias) && bias.shape.length === 1))) return undefined;
  const [x, turnedWeight] = sum.node.inputs as Value[];
  if (x.shape.length !== 3 || turnedWeight.shape.length !== 2 || !isFixed(turnedWeight)) return undefined;
  return { x, weight: turned(graph, turnedWeight), bias };
}

/** Whether it is the same in every call: a constant, or integers of one as floats, in another order. */
function isFixed({ constant, node }: Value): boolean {
  if (constant) return true;
  const [first] = node?.inputs ?? [];
  return (
    /^(DequantizeLinear|Transpose|Reshape)$/.test(node?.op ?? '') && first !== undefined && isFixed(first)
  );
}

function identity(n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
}

/** Step after step, as nodes; `product` gives the state's share of the gates. */
function unrolledGru(
  graph: Graph,
  { x, h0 }: Readonly<Record<'x' | 'h0', Operand>>,
  y: Output,
  product: (h: Value, like: Like) => Value,
): Value {
  const [steps, n, hidden] = y.shape;
  const { dtype } = y;
  const state = { shape: [n, hidden], dtype };
  const gates = { shape: [n, 3 * hidden], dtype };
  let h = h0.value;
  const all: Value[] = [];
  for (let t = 0; t < steps; t++) {
    const rows = rowMajor(gates.shape);
    const fromInput = view(graph, x.value, rowMajor(x.value.shape), { ...rows, offset: t * n * 3 * hidden });
    const fromState = product(h, gates);
    const gate = (value: Value, k: number) =>
      view(graph, value, rows, { ...rows, shape: state.shape, offset: k * hidden });
    const sigmoid = (k: number) =>
      graph.node('Sigmoid', [graph.node('Add', [gate(fromInput, k), gate(fromState, k)], state)], state);
    const reset = graph.node('Mul', [sigmoid(0), gate(fromState, 2)], state);
    const candidate = graph.node('Tanh', [graph.node('Add', [gate(fromInput, 2), reset], state)], state);
    const kept = graph.node('Mul', [sigmoid(1), graph.node('Sub', [h, candidate], state)], state);
    h = graph.node('Add', [candidate, kept], state);
    all.push(h);
  }
  const joined = { shape: [steps * n, hidden], dtype };
  return graph.reshape(graph.node('Concat', all, joined, { axis: { int: 0 } }), y.shape);
}

/** Step after step, as nodes; `product` gives the state's share of the gates. */
function unrolledLstm(
  graph: Graph,
  { x, h0, c0 }: Inputs,
  y: Output,
  product: (h: Value, like: Like) => Value,
): Value {
  const [, steps, n, hidden] = y.shape;
  const { dtype } = y;
  const state = { shape: [n, hidden], dtype };
  const gates = { shape: [n, 4 * hidden], dtype };
  const rows = rowMajor(gates.shape);
  let h = h0.value;
  let c = (c0 as Operand).value;
  const all: Value[] = [];
  for (let t = 0; t < steps; t++) {
    const fromInput = view(graph, x.value, rowMajor(x.value.shape), { ...rows, offset: t * n * 4 * hidden });
    const sums = graph.node('Add', [fromInput, product(h, gates)], gates);
    const gate = (k: number, op: string) => {
      const part = view(graph, sums, rows, { ...rows, shape: state.shape, offset: k * hidden });
      return graph.node(op, [part], state);
    };
    const kept = graph.node('Mul', [gate(1, 'Sigmoid'), c], state);
    const added = graph.node('Mul', [gate(0, 'Sigmoid'), gate(2, 'Tanh')], state);
    c = graph.node('Add', [kept, added], state);
    h = graph.node('Mul', [gate(3, 'Sigmoid'), graph.node('Tanh', [c], state)], state);
    all[t] = h;
    all[steps + t] = c;
  }
  const joined = { shape: [2 * steps * n, hidden], dtype };
  return graph.reshape(graph.node('Concat', all, joined, { axis: { int: 0 } }), y.shape);
}
