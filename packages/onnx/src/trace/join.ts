/** A tensor written piece by piece: what `cat`, `stack` and `pad` leave at dispatch. */
import { formatShape, type Layout, numel, sameShape, type Tensor } from '@octet/tensor';
import { cannotExport } from '../errors';
import type { Graph, Value } from '../graph/graph';
import { dequantize, quantize, requantizedFrom } from '../graph/qdq';
import { indexOf, isDense, memoryDims } from './layout';

/** A value copied into a part of a tensor. */
export interface Part {
  readonly value: Value;
  /** Where it lies in the whole. */
  readonly layout: Layout;
}

/** Memory of which parts were written, over `fill` where it was filled before. */
export interface Parts {
  readonly parts: readonly Part[];
  readonly fill: number | undefined;
}

/** The whole as one value, and how it lies; `reader` is a tensor that sees it, or a part of it. */
export function join(graph: Graph, { parts, fill }: Parts, reader: Tensor): { value: Value; layout: Layout } {
  const layout = frameOf(parts[0].layout, reader);
  const boxes = parts.map(({ value, layout: part }) => ({
    value,
    start: startOf(part, layout),
    shape: part.shape,
  }));
  const value =
    concatenated(graph, boxes, layout, reader) ??
    (fill !== undefined && boxes.length === 1 ? padded(graph, boxes[0], layout, fill) : undefined);
  if (value) return { value, layout };
  throw cannotExport({
    expected: 'tensors put together by cat, stack or pad',
    found: `${parts.length} parts assigned into one of shape ${formatShape(layout.shape)}${graph.scope && ` in '${graph.scope}'`}`,
    fix: 'Make the tensor from its parts with cat or stack, rather than by writing into slices of it.',
  });
}

interface Box {
  readonly value: Value;
  readonly start: readonly number[] | undefined;
  readonly shape: readonly number[];
}

/** The layout of the whole: the reader's, if it sees all of it, else what the strides of a part tell. */
function frameOf(part: Layout, reader: Tensor): Layout {
  const { length } = reader.storage;
  if (sameShape(reader.strides, part.strides) && isWhole(reader)) return reader;
  const order = part.shape.map((_, i) => i);
  order.sort((a, b) => part.strides[b] - part.strides[a] || part.shape[b] - part.shape[a] || a - b);
  const shape = [...part.shape];
  let whole = length;
  for (const d of order) {
    shape[d] = whole / part.strides[d];
    whole = part.strides[d];
  }
  return { shape, strides: part.strides, offset: 0 };
}

/** Where the box of a part begins; undefined if it is no box of the frame. */
function startOf(part: Layout, frame: Layout): readonly number[] | undefined {
  const start = indexOf(part.offset - frame.offset, frame);
  const fits = part.shape.every(
    (n, d) => start && start[d] + n <= frame.shape[d] && (n === 1 || part.strides[d] === frame.strides[d]),
  );
  return fits ? start : undefined;
}

function concatenated(graph: Graph, boxes: readonly Box[], frame: Layout, reader: Tensor): Value | undefined {
  const axes = memoryDims(frame).filter((d) => boxes.some((b) => b.shape[d] !== frame.shape[d]));
  if (axes.length !== 1) return undefined;
  const [axis] = axes;
  const sorted = [...boxes].sort((a, b) => (a.start?.[axis] ?? 0) - (b.start?.[axis] ?? 0));
  let at = 0;
  for (const { start, shape } of sorted) {
    if (start?.[axis] !== at) return undefined;
    at += shape[axis];
  }
  if (at !== frame.shape[axis]) return undefined;
  const values = sorted.map((b) => b.value);
  const attributes = { axis: { int: axis } };
  const { qparams } = reader;
  if (qparams?.scheme !== 'perTensor') {
    return graph.node('Concat', values, { shape: frame.shape, dtype: values[0].dtype }, attributes);
  }
  const floats = values.map((v) => requantizedFrom(v, qparams) ?? dequantize(graph, v, qparams));
  const joined = graph.node('Concat', floats, { shape: frame.shape, dtype: 'float32' }, attributes);
  return quantize(graph, joined, reader);
}

function padded(graph: Graph, { value, start, shape }: Box, frame: Layout, fill: number): Value | undefined {
  if (!start || value.dtype === 'int64' || sameShape(shape, frame.shape)) return undefined;
  const after = frame.shape.map((n, d) => n - start[d] - shape[d]);
  const inputs = [value, graph.ints([...start, ...after]), graph.scalar(value.dtype, fill)];
  return graph.node('Pad', inputs, { shape: frame.shape, dtype: value.dtype });
}

/** Whether a tensor of this layout is all of its storage. */
export function isWhole(t: Tensor): boolean {
  return t.offset === 0 && numel(t.shape) === t.storage.length && isDense(t);
}
