import type { KernelTable } from '@octet/backend';
import type { Graph, Like, Value } from '../graph/graph';
import { rowMajor } from '../trace/layout';
import { view } from '../trace/view';
import type { NodeBuilders, Operand, Output } from './builder';
import { dynamicLinear } from './int8';
import { linear } from './products';

export const recurrent = (): NodeBuilders => ({
  lstm: (graph, t, y) =>
    unrolled(graph, t, y, (h, like) => linear(graph, h, t.weight.value, t.bias?.value, like)),
  qlstmDynamic: (graph, t, y, attrs: KernelTable['qlstmDynamic']['attrs']) =>
    unrolled(graph, t, y, (h, like) => dynamicLinear(graph, { ...t, x: { value: h } }, like, attrs)),
});

/** Step after step, as nodes; `product` gives the state's share of the gates. */
function unrolled(
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
