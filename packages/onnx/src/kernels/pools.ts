import type { AvgPoolAttrs, PoolAttrs } from '@octet/backend';
import { formatShape } from '@octet/tensor';
import { cannotExport } from '../errors';
import type { Graph, Like, Value } from '../graph/graph';
import type { NodeBuilders } from './builder';

export const pools = (): NodeBuilders => ({
  maxPool2d: (graph, { x }, y, attrs) => maxPool(graph, x.value, y, attrs),
  avgPool2d: (graph, { x }, y, attrs) => averagePool(graph, x.value, y, attrs),
  adaptiveAvgPool2d: (graph, { x }, y) => adaptiveAveragePool(graph, x.value, y),
});

export function maxPool(graph: Graph, x: Value, y: Like, attrs: PoolAttrs): Value {
  const { kernelSize, stride, padding, dilation } = attrs;
  return graph.node('MaxPool', [x], y, {
    kernel_shape: { ints: kernelSize },
    strides: { ints: stride },
    pads: { ints: [...padding, ...padding] },
    dilations: { ints: dilation },
  });
}

export function averagePool(graph: Graph, x: Value, y: Like, attrs: AvgPoolAttrs): Value {
  const { kernelSize, stride, padding, countIncludePad } = attrs;
  return graph.node('AveragePool', [x], y, {
    kernel_shape: { ints: kernelSize },
    strides: { ints: stride },
    pads: { ints: [...padding, ...padding] },
    count_include_pad: { int: countIncludePad ? 1 : 0 },
  });
}

export function adaptiveAveragePool(graph: Graph, x: Value, y: Like): Value {
  const [size, cells] = [x.shape.slice(2), y.shape.slice(2)];
  if (cells.every((n) => n === 1)) return graph.node('GlobalAveragePool', [x], y);
  const window = size.map((n, i) => n / cells[i]);
  if (!window.every(Number.isInteger)) {
    throw cannotExport({
      expected: 'an adaptive average pool to 1 × 1, or to sizes that divide those of the image',
      found: `${formatShape(size)} to ${formatShape(cells)}${graph.scope && ` in '${graph.scope}'`}`,
      fix: 'ONNX has no windows of unequal size: use avgPool2d, or an input whose size divides.',
    });
  }
  const attributes = { kernel_shape: { ints: window }, strides: { ints: window } };
  return graph.node('AveragePool', [x], y, attributes);
}
