import type { KernelTable } from '@octet/backend';
import type { Graph, Like, Value } from '../graph/graph';
import { rowMajor } from '../trace/layout';
import { view } from '../trace/view';
import type { NodeBuilders, Operand, Output } from './builder';
import { dynamicLinear } from './int8';
import { linear, turned } from './products';

export const recurrent = (): NodeBuilders => ({
  lstm: (graph, t, y) =>
    unrolledLstm(graph, t, y, (h, like) => linear(graph, h, t.weight.value, t.bias?.value, like)),
  qlstmDynamic: (graph, t, y, attrs: KernelTable['qlstmDynamic']['attrs']) =>
    unrolledLstm(graph, t, y, (h, like) => dynamicLinear(graph, { ...t, x: { value: h } }, like, attrs)),
  gru: (graph, t, y) => gru(graph, t, y),
  qgruDynamic: (graph, t, y, attrs: KernelTable['qgruDynamic']['attrs']) =>
    unrolledGru(graph, t, y, (h, like) => dynamicLinear(graph, { ...t, x: { value: h } }, like, attrs)),
});

/** The part of `value` [n, …] from `offset` elements on that has the shape [size, …]. */
function part(graph: Graph, value: Value, offset: number, shape: readonly number[]): Value {
  const all = rowMajor(value.shape);
  return view(graph, value, all, { ...all, shape, offset });
}

/** One node. ONNX has the gates in another order, and makes the inputs' share of them itself. */
function gru(
  graph: Graph,
  { x, weight, bias, h0 }: Readonly<Record<'x' | 'weight' | 'h0', Operand>> & { readonly bias?: Operand },
  y: Output,
): Value {
  const [steps, n, hidden] = y.shape;
  const { dtype } = y;
  const width = 3 * hidden;
  const none = () => graph.constant(dtype, [width], new Float64Array(width));
  const inputs = productOf(graph, x.value) ?? {
    x: x.value,
    weight: graph.constant(dtype, [width, width], identity(width)),
    bias: undefined,
  };
  const ordered = (value: Value) => graph.once(value, 'gates z, r, n', () => reordered(graph, value, hidden));
  const weights = [inputs.weight, weight.value].map((value) =>
    graph.reshape(ordered(value), [1, ...value.shape]),
  );
  const biases = graph.node(
    'Concat',
    [inputs.bias ?? none(), bias?.value ?? none()].map(ordered),
    { shape: [2 * width], dtype },
    { axis: { int: 0 } },
  );
  const all = graph.node(
    'GRU',
    [
      inputs.x,
      ...weights,
      graph.reshape(biases, [1, 2 * width]),
      undefined,
      graph.reshape(h0.value, [1, n, hidden]),
    ],
    { shape: [steps, 1, n, hidden], dtype },
    { hidden_size: { int: hidden }, linear_before_reset: { int: 1 } },
  );
  return graph.reshape(all, y.shape);
}

/** r, z, n → z, r, n along the first dim. */
function reordered(graph: Graph, value: Value, hidden: number): Value {
  const [, ...rest] = value.shape;
  const size = hidden * (rest[0] ?? 1);
  const parts = [1, 0, 2].map((k) => part(graph, value, k * size, [hidden, ...rest]));
  return graph.node('Concat', parts, value, { axis: { int: 0 } });
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
  { x, h0, c0 }: { readonly x: Operand; readonly h0: Operand; readonly c0: Operand },
  y: Output,
  product: (h: Value, like: Like) => Value,
): Value {
  const [, steps, n, hidden] = y.shape;
  const { dtype } = y;
  const state = { shape: [n, hidden], dtype };
  const gates = { shape: [n, 4 * hidden], dtype };
  const rows = rowMajor(gates.shape);
  let h = h0.value;
  let c = c0.value;
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
