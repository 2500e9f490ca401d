import type { Graph, Value } from '../graph/graph';
import type { NodeBuilders, Operand, Output } from './builder';
import { reduce } from './reductions';

export const normalization = (): NodeBuilders => ({
  batchNormEval: (graph, { x, mean, variance, weight, bias }, y, { eps }) => {
    const { shape } = mean.value;
    const inputs = [
      weight?.value ?? all(graph, 1, y, shape),
      bias?.value ?? all(graph, 0, y, shape),
      mean.value,
      variance.value,
    ];
    return graph.node('BatchNormalization', [x.value, ...inputs], y, { epsilon: { float: eps } });
  },
  layerNorm: (graph, { x, weight, bias }, y, { eps }) => layerNorm(graph, x, weight, bias, y, eps),
});

function all(graph: Graph, value: number, { dtype }: Pick<Output, 'dtype'>, shape: readonly number[]): Value {
  const n = shape.reduce((product, d) => product * d, 1);
  return graph.constant(dtype, shape, new Array<number>(n).fill(value));
}

/** x [rows, columns], each row normalised. */
export function layerNormOfRows(graph: Graph, x: Value, eps: number): Value {
  return normalize(graph, x, 1, undefined, undefined, { shape: x.shape, dtype: 'float32' }, eps);
}

function layerNorm(
  graph: Graph,
  { value: x, physical: [, size] }: Operand,
  weight: Operand | undefined,
  bias: Operand | undefined,
  y: Output,
  eps: number,
): Value {
  // The kernel sees rows: the last dims, up to that many elements.
  let first = x.shape.length;
  for (let n = 1; first > 0 && (n < size || first === x.shape.length); ) n *= x.shape[--first];
  const axis = weight ? x.shape.length - weight.value.shape.length : first;
  return normalize(graph, x, axis, weight?.value, bias?.value, y, eps);
}

/** x normalised over the dims from `axis` on. */
function normalize(
  graph: Graph,
  x: Value,
  axis: number,
  weight: Value | undefined,
  bias: Value | undefined,
  y: Pick<Output, 'shape' | 'dtype'>,
  eps: number,
): Value {
  const normalized = x.shape.slice(axis);
  if (graph.opset >= 17) {
    const scale = weight ?? all(graph, 1, y, normalized);
    const attributes = { axis: { int: axis }, epsilon: { float: eps } };
    return graph.node('LayerNormalization', [x, scale, bias], y, attributes);
  }
  const axes = normalized.map((_, i) => axis + i);
  const deviation = graph.node('Sub', [x, reduce(graph, 'ReduceMean', x, axes)], y);
  const variance = reduce(graph, 'ReduceMean', graph.node('Mul', [deviation, deviation], y), axes);
  const std = graph.node(
    'Sqrt',
    [graph.node('Add', [variance, graph.scalar(y.dtype, eps)], variance)],
    variance,
  );
  let out = graph.node('Div', [deviation, std], y);
  if (weight) out = graph.node('Mul', [out, weight], y);
  if (bias) out = graph.node('Add', [out, bias], y);
  return out;
}
