import { sameShape } from '@octet/tensor';
import { elementTypes } from '../graph/element-types';
import type { Graph, OnnxDType, Value } from '../graph/graph';
import type { NodeBuilders, Operand, Output } from './builder';
import { broadcast, broadcasting, unexpanded } from './elementwise';

export const masks = (): NodeBuilders => ({
  eq: (graph, { a, b }, y) => graph.node('Equal', broadcasting(a.value, b.value, y), y),
  ne: (graph, { a, b }, y) =>
    graph.node('Not', [graph.node('Equal', broadcasting(a.value, b.value, y), y)], y),
  lt: ordered('Less'),
  le: (graph, operands, y) =>
    graph.opset >= 12
      ? ordered('LessOrEqual')(graph, operands, y)
      : graph.node('Or', [ordered('Less')(graph, operands, y), ordered('Equal')(graph, operands, y)], y),
  logicalAnd: logical('And'),
  logicalOr: logical('Or'),
  where(graph, { mask, a, b }, y) {
    const all = [mask.value, a.value, b.value];
    const small = all.map(unexpanded);
    const shape = small.reduce<number[]>((s, v) => broadcast(s, v.shape), []);
    return graph.node('Where', sameShape(shape, y.shape) ? small : all, y);
  },
});

interface Two {
  readonly a: Operand;
  readonly b: Operand;
}

/** A value in another dtype. */
export function castTo(graph: Graph, x: Value, dtype: OnnxDType): Value {
  if (x.dtype === dtype) return x;
  return graph.node('Cast', [x], { shape: x.shape, dtype }, { to: { int: elementTypes[dtype] } });
}

/** ONNX orders no truth values, and little else of 8 bits is in every engine. */
function ordered(op: string) {
  return (graph: Graph, { a, b }: Two, y: Output): Value => {
    const byte = ['bool', 'uint8', 'int8'].includes(a.value.dtype);
    const [p, q] = broadcasting(a.value, b.value, y).map((v) => (byte ? castTo(graph, v, 'int32') : v));
    return graph.node(op, [p, q], y);
  };
}

function logical(op: string) {
  return (graph: Graph, { a, b }: Two, y: Output): Value =>
    graph.node(
      op,
      broadcasting(a.value, b.value, y).map((v) => castTo(graph, v, 'bool')),
      y,
    );
}
