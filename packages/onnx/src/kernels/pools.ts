import type { AvgPoolAttrs, PoolAttrs } from '@octet/backend';
import { formatShape } from '@octet/tensor';
import { cannotExport } from '../errors';
import type { Attributes, Graph, Like, Value } from '../graph/graph';
import type { NodeBuilders } from './builder';
import { asRows } from './rows';

export const pools = (): NodeBuilders => ({
  maxPool2d: (graph, { x }, y, attrs) => maxPool(graph, x.value, y, attrs),
  avgPool2d: (graph, { x }, y, attrs) => averagePool(graph, x.value, y, attrs),
  adaptiveAvgPool2d: (graph, { x }, y) => adaptiveAveragePool(graph, x.value, y),
});

/** How the node of a pool is made; of integers with what stands around it. */
export type PoolNode = (op: string, x: Value, y: Like, attributes?: Attributes) => Value;

function plain(graph: Graph): PoolNode {
  return (op, x, y, attributes) => graph.node(op, [x], y, attributes);
}

export function maxPool(graph: Graph, x: Value, y: Like, attrs: PoolAttrs, node = plain(graph)): Value {
  return asRows(graph, x, y, (row, like, sizes) => {
    const [kernelSize, stride, padding] = [attrs.kernelSize, attrs.stride, attrs.padding].map(sizes);
    return node('MaxPool', row, like, {
      kernel_shape: { ints: kernelSize },
      strides: { ints: stride },
      pads: { ints: [...padding, ...padding] },
      dilations: { ints: sizes(attrs.dilation) },
    });
  });
}

export function averagePool(
  graph: Graph,
  x: Value,
  y: Like,
  attrs: AvgPoolAttrs,
  node = plain(graph),
): Value {
  return asRows(graph, x, y, (row, like, sizes) => {
    const [kernelSize, stride, padding] = [attrs.kernelSize, attrs.stride, attrs.padding].map(sizes);
    return node('AveragePool', row, like, {
      kernel_shape: { ints: kernelSize },
      strides: { ints: stride },
      pads: { ints: [...padding, ...padding] },
      count_include_pad: { int: attrs.countIncludePad ? 1 : 0 },
    });
  });
}

export function adaptiveAveragePool(graph: Graph, x: Value, y: Like, node = plain(graph)): Value {
  return asRows(graph, x, y, (row, like) => {
    const [size, cells] = [row.shape.slice(2), like.shape.slice(2)];
    if (cells.every((n) => n === 1)) return node('GlobalAveragePool', row, like);
    const window = size.map((n, i) => n / cells[i]);
    if (!window.every(Number.isInteger)) {
      throw cannotExport({
        expected: 'an adaptive average pool to 1 × 1, or to sizes that divide those of the image',
        found: `${formatShape(size)} to ${formatShape(cells)}${graph.scope && ` in '${graph.scope}'`}`,
        fix: 'ONNX has no windows of unequal size: use avgPool2d, or an input whose size divides.',
      });
    }
    const attributes = { kernel_shape: { ints: window }, strides: { ints: window } };
    return node('AveragePool', row, like, attributes);
  });
}
