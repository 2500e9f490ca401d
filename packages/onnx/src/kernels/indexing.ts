import { cannotExport } from '../errors';
import type { Graph, Value } from '../graph/graph';
import type { NodeBuilders, Operand, Output } from './builder';
import { castTo } from './masks';

const reductions = { none: undefined, add: 'add', mul: 'mul', max: 'max', min: 'min' } as const;

export const indexing = (): NodeBuilders => ({
  gather(graph, { x, index }, y) {
    const axis = { int: axisOf(x) };
    // A list of rows is one for all; other indices have the shape of the output.
    const isList = index.value.shape.length === 1 && index.physical[0] === 1 && index.physical[2] === 1;
    if (isList) return graph.node('Gather', [x.value, index.value], y, { axis });
    return graph.node('GatherElements', [x.value, index.value], y, { axis });
  },
  scatter(graph, { x, index, src }, y, { reduce }) {
    const axis = axisOf(x);
    const reduction = reductions[reduce];
    const least = reduction === 'max' || reduction === 'min' ? 18 : reduction ? 16 : 13;
    if (graph.opset < least) {
      throw cannotExport({
        expected: `opset ${least} or later, to scatter by '${reduction}'`,
        found: String(graph.opset),
        fix: `Export with { opset: ${least} }.`,
      });
    }
    const whole = spread(graph, index, src, axis);
    return graph.node('ScatterElements', [x.value, whole, src.value], y, {
      axis: { int: axis },
      ...(reduction ? { reduction: { string: reduction } } : {}),
    });
  },
  cumsum: (graph, { x }, y, { reverse }) =>
    graph.node('CumSum', [x.value, graph.constant('int64', [], [axisOf(x)])], y, {
      reverse: { int: Number(reverse) },
    }),
  prod: (graph, { x }, y) => {
    const axis = axisOf(x);
    const like = { shape: x.value.shape.map((n, d) => (d === axis ? 1 : n)), dtype: x.value.dtype };
    const reduced =
      graph.opset >= 18
        ? graph.node('ReduceProd', [x.value, graph.ints([axis])], like)
        : graph.node('ReduceProd', [x.value], like, { axes: { ints: [axis] } });
    return graph.reshape(reduced, y.shape);
  },
  argsort: (graph, { x }, y, { descending }) => argsort(graph, x, y, descending),
});

/** The dim that an operand seen as [outer, n, inner], row-major, runs over. */
function axisOf({ value: { shape }, physical: [outer, n] }: Operand): number {
  let before = 1;
  for (let d = 0; d < shape.length; d++) {
    if (before === outer && shape[d] === n) return d;
    before *= shape[d];
  }
  return 0;
}

/** An index that is one for all outer or inner elements, in the shape of what is scattered. */
function spread(graph: Graph, index: Operand, src: Operand, axis: number): Value {
  const { shape } = src.value;
  if (index.value.shape.length === shape.length) return index.value;
  const list = graph.reshape(
    index.value,
    shape.map((n, d) => (d === axis ? n : 1)),
  );
  return graph.node('Expand', [list, graph.ints(shape)], { shape, dtype: index.value.dtype });
}

/** TopK of all: of equals the first comes first. */
function argsort(graph: Graph, x: Operand, y: Output, descending: boolean): Value {
  const axis = axisOf(x);
  const { shape, dtype } = x.value;
  const [, indices] = graph.nodeWithOutputs(
    'TopK',
    [x.value, graph.ints([shape[axis] ?? 1])],
    [
      { shape, dtype },
      { shape, dtype: 'int64' },
    ],
    { axis: { int: axis }, largest: { int: Number(descending) }, sorted: { int: 1 } },
  );
  return castTo(graph, indices, y.dtype);
}
