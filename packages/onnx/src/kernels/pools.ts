import type { AvgPoolAttrs, PoolAttrs, ResampleAttrs } from '@octet/backend';
import { formatShape } from '@octet/tensor';
import { cannotExport } from '../errors';
import type { Attributes, Graph, Like, Value } from '../graph/graph';
import type { NodeBuilders } from './builder';
import { asRows } from './rows';
import { taken } from './taken';

export const pools = (): NodeBuilders => ({
  maxPool2d: (graph, { x }, y, attrs) => maxPool(graph, x.value, y, attrs),
  avgPool2d: (graph, { x }, y, attrs) => averagePool(graph, x.value, y, attrs),
  resample2d: (graph, { x }, y, attrs) => resized(graph, x.value, y, attrs),
  adaptiveAvgPool2d: (graph, { x }, y) => adaptiveAveragePool(graph, x.value, y),
});

/** How the node of a pool is made; of integers with what stands around it. */
export type PoolNode = (
  op: string,
  x: Value,
  y: Like,
  attributes?: Attributes,
  more?: readonly (Value | undefined)[],
) => Value;

function plain(graph: Graph): PoolNode {
  return (op, x, y, attributes, more = []) => graph.node(op, [x, ...more], y, attributes);
}

export function maxPool(graph: Graph, x: Value, y: Like, attrs: PoolAttrs, node = plain(graph)): Value {
  return asRows(graph, x, y, (row, like, sizes) => {
    const [kernelSize, stride, padding] = [attrs.kernelSize, attrs.stride, attrs.padding].map(sizes);
    const whole = kernelSize.every((k, d) => k === row.shape[d + 2] && padding[d] === 0);
    if (whole) return node('GlobalMaxPool', row, like);
    return node('MaxPool', row, like, {
      kernel_shape: { ints: kernelSize },
      strides: { ints: stride },
      pads: { ints: [...padding, ...padding] },
      dilations: { ints: sizes(attrs.dilation) },
      ...ceilMode(row, like, kernelSize, stride, padding, sizes(attrs.dilation)),
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
      ...ceilMode(row, like, kernelSize, stride, padding),
    });
  });
}

/** The attribute, where a last window hangs over the end of the image. */
function ceilMode(
  x: Value,
  y: Like,
  kernel: readonly number[],
  stride: readonly number[],
  padding: readonly number[],
  dilation: readonly number[] = kernel.map(() => 1),
): Attributes {
  const hangs = kernel.some((k, d) => {
    const room = x.shape[d + 2] + 2 * padding[d] - dilation[d] * (k - 1) - 1;
    return y.shape[d + 2] > Math.floor(room / stride[d]) + 1;
  });
  return hangs ? { ceil_mode: { int: 1 } } : {};
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

export function resized(graph: Graph, x: Value, y: Like, attrs: ResampleAttrs, ofIntegers?: PoolNode): Value {
  const node = ofIntegers ?? plain(graph);
  const of = attrs.of ?? (repeats(x, y, attrs) ? repeated : undefined);
  if (!of) {
    const asIs = taken(graph, x, y, attrs, node);
    if (asIs) return asIs;
    if (ofIntegers) {
      throw cannotExport({
        expected: 'integers that are resized by a mode of interpolate, or repeated',
        found: `other weights${graph.scope && ` in '${graph.scope}'`}`,
        fix: 'Leave the resizing in float.',
      });
    }
    // Rows and columns of any weights: by matrices.
    const [height, width] = x.shape.slice(2);
    const [toHeight, toWidth] = y.shape.slice(2);
    const down = matrix(graph, attrs.rowIndex, attrs.rowWeight, height, toHeight);
    const across = matrix(graph, attrs.columnIndex, attrs.columnWeight, width, toWidth);
    const turned = graph.transpose(across, [1, 0]);
    const rows = { ...y, shape: [...x.shape.slice(0, 2), height, toWidth] };
    return graph.node('MatMul', [down, node('MatMul', x, rows, {}, [turned])], y);
  }
  const { mode, coordinates, scales } = of;
  return asRows(graph, x, y, (row, like, sizes) => {
    const spatial = row.shape.slice(2);
    const exact = spatial.every((n, d) => like.shape[d + 2] % n === 0);
    const factors = scales ? sizes(scales) : exact ? spatial.map((n, d) => like.shape[d + 2] / n) : undefined;
    // The batch stays out of it where it can: it may be of any size.
    const axes = !factors && graph.opset >= 18;
    const by = factors && graph.constant('float32', [row.shape.length], [1, 1, ...factors]);
    const to = factors ? undefined : graph.ints(axes ? like.shape.slice(2) : like.shape);
    const strings = {
      ...(axes && { axes: { ints: spatial.map((_, d) => d + 2) } }),
      mode: { string: mode },
      coordinate_transformation_mode: { string: coordinates },
      ...(mode === 'nearest' && {
        nearest_mode: { string: coordinates === 'asymmetric' ? 'floor' : 'round_prefer_ceil' },
      }),
    };
    return node('Resize', row, like, { ...strings, cubic_coeff_a: { float: -0.75 } }, [undefined, by, to]);
  });
}

/** Every pixel a whole number of times, one after the other. */
const repeated = { mode: 'nearest', coordinates: 'asymmetric', scales: undefined } as const;

function repeats(x: Value, y: Like, attrs: ResampleAttrs): boolean {
  const along = (index: Int32Array, weight: Float32Array, from: number, to: number) => {
    const [taps, times] = [index.length / to, to / from];
    return index.every((at, i) => {
      const own = Math.floor(i / taps / times);
      return weight[i] === 0 || (weight[i] === 1 && at === own && Number.isInteger(times));
    });
  };
  const [[height, width], [toHeight, toWidth]] = [x.shape.slice(2), y.shape.slice(2)];
  return (
    along(attrs.rowIndex, attrs.rowWeight, height, toHeight) &&
    along(attrs.columnIndex, attrs.columnWeight, width, toWidth)
  );
}

/** [to, from] */
function matrix(graph: Graph, index: Int32Array, weight: Float32Array, from: number, to: number): Value {
  const values = new Float32Array(to * from);
  const taps = index.length / to;
  index.forEach((at, i) => {
    values[Math.floor(i / taps) * from + at] += weight[i];
  });
  return graph.constant('float32', [to, from], values);
}
