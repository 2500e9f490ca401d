import { formatShape } from '@octet/tensor';
import { cannotExport } from '../errors';
import { elementTypes } from '../graph/element-types';
import type { Graph, Value } from '../graph/graph';
import { memoryDims } from '../trace/layout';
import type { NodeBuilders, Operand, Output } from './builder';

export const reductions = (): NodeBuilders => ({
  sum: reduction('ReduceSum'),
  amax: reduction('ReduceMax'),
  argmax: (graph, { x }, y) => argmax(graph, x, y),
  variance: (graph, { x }, y, { correction }) => variance(graph, x, y, correction),
  softmax: alongAxis('Softmax'),
  logSoftmax: alongAxis('LogSoftmax'),
});

function reduction(op: ReduceOp) {
  return (graph: Graph, { x }: { readonly x: Operand }, y: Output): Value =>
    graph.reshape(reduce(graph, op, x.value, reducedAxes(x)), y.shape);
}

function alongAxis(op: string) {
  return (graph: Graph, { x }: { readonly x: Operand }, y: Output): Value => {
    const [axis] = reducedAxes(x);
    return graph.node(op, [x.value], y, { axis: { int: axis } });
  };
}

function argmax(graph: Graph, x: Operand, y: Output): Value {
  const axes = reducedAxes(x);
  // Over several dims: over all of them.
  const flat = axes.length === 1 ? x.value : graph.reshape(x.value, [x.tensor.numel]);
  const axis = axes.length === 1 ? axes[0] : 0;
  const indices = graph.node(
    'ArgMax',
    [flat],
    { shape: reducedShape(flat.shape, [axis]), dtype: 'int64' },
    { axis: { int: axis }, keepdims: { int: 1 } },
  );
  const to = { to: { int: elementTypes[y.dtype] } };
  return graph.reshape(graph.node('Cast', [indices], { ...indices, dtype: y.dtype }, to), y.shape);
}

function variance(graph: Graph, x: Operand, y: Output, correction: number): Value {
  const axes = reducedAxes(x);
  const mean = reduce(graph, 'ReduceMean', x.value, axes);
  const deviation = graph.node('Sub', [x.value, mean], x.value);
  const sum = reduce(graph, 'ReduceSum', graph.node('Mul', [deviation, deviation], x.value), axes);
  const n = axes.reduce((product, d) => product * x.value.shape[d], 1);
  return graph.reshape(graph.node('Div', [sum, graph.scalar(y.dtype, n - correction)], sum), y.shape);
}

type ReduceOp = 'ReduceSum' | 'ReduceMean' | 'ReduceMax';

/** The reduced dims stay, with size 1. */
export function reduce(graph: Graph, op: ReduceOp, x: Value, axes: readonly number[]): Value {
  const like = { shape: reducedShape(x.shape, axes), dtype: x.dtype };
  // Opset 18 made an input of what was an attribute; of ReduceSum 13 did.
  return op === 'ReduceSum' || graph.opset >= 18
    ? graph.node(op, [x, graph.ints(axes)], like)
    : graph.node(op, [x], like, { axes: { ints: axes } });
}

function reducedShape(shape: readonly number[], axes: readonly number[]): number[] {
  return shape.map((d, i) => (axes.includes(i) ? 1 : d));
}

/**
 * The dims that an operand seen as [outer, n, inner] runs over, which are neighbours in memory. Where that is none of
 * more than one element, any of one element serves.
 */
export function reducedAxes({ tensor, physical: [outer, n] }: Operand): number[] {
  const axes: number[] = [];
  let before = 1;
  let size = 1;
  for (const d of memoryDims(tensor)) {
    if (before < outer) before *= tensor.shape[d];
    else if (size < n) {
      size *= tensor.shape[d];
      axes.push(d);
    }
  }
  const one = tensor.shape.indexOf(1);
  if (before === outer && size === n && (axes.length > 0 || one >= 0)) {
    return axes.length > 0 ? axes.sort((a, b) => a - b) : [one];
  }
  throw cannotExport({
    expected: 'a reduction over dims of the tensor',
    found: `one of ${n} elements over ${formatShape(tensor.shape)}`,
    fix: 'Reduce a tensor of at least one dimension.',
  });
}
