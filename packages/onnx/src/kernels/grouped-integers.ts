import type { GroupedIntegers } from '@octet/backend';
import { elementTypes } from '../graph/element-types';
import type { Graph, Value } from '../graph/graph';
import type { NodeBuilders, Operand, Output } from './builder';
import { linear } from './products';

export const groupedIntegers = (): NodeBuilders => ({
  qlinearWeightOnly: (graph, t, y, attrs) => {
    const columns = t.x.physical[1];
    const packed = nibbles(graph, t, y, columns, attrs);
    if (packed) return t.bias ? graph.node('Add', [packed, t.bias.value], y) : packed;
    const weight = numbers(graph, t, t.weight.value, (v) => v, columns, attrs);
    return linear(graph, t.x.value, weight, t.bias?.value, y);
  },
  qembedding: (graph, t, y, attrs) => {
    const { index } = t;
    const packed = blockRows(graph, t, y, attrs);
    if (packed) return packed;
    const rows = (v: Value) =>
      graph.node(
        'Gather',
        [v, index.value],
        { shape: [...index.value.shape, ...v.shape.slice(1)], dtype: v.dtype },
        { axis: { int: 0 } },
      );
    return numbers(graph, t, rows(t.weight.value), rows, y.shape[y.shape.length - 1], attrs);
  },
});

interface Grouped {
  readonly weight: Operand;
  readonly scale: Operand;
  readonly zeroPoint?: Operand;
}

/** com.microsoft's product by 4 bits, where its blocks are these groups: the file has 4 bits too. */
function nibbles(
  graph: Graph,
  { x, weight, scale, zeroPoint }: Grouped & { readonly x: Operand },
  y: Output,
  columns: number,
  { bits, groupSize }: GroupedIntegers,
): Value | undefined {
  if (bits !== 4 || !isBlock(groupSize, columns)) return undefined;
  const [rows, groups] = scale.physical;
  const inputs = [
    x.value,
    graph.reshape(weight.value, [rows, groups, groupSize / 2]),
    graph.reshape(scale.value, [rows * groups]),
    zeroPoint && graph.reshape(zeroPoint.value, [rows * groups]),
  ];
  return graph.foreign('com.microsoft', 'MatMulNBits', inputs, y, {
    K: { int: columns },
    N: { int: rows },
    bits: { int: 4 },
    block_size: { int: groupSize },
  });
}

/** Groups that com.microsoft's operators have. */
function isBlock(groupSize: number, columns: number): boolean {
  return groupSize >= 16 && Number.isInteger(Math.log2(groupSize)) && columns % groupSize === 0;
}

/** com.microsoft's rows of a table of unsigned integers around their middle. */
function blockRows(
  graph: Graph,
  { weight, scale, zeroPoint, index }: Grouped & { readonly index: Operand },
  y: Output,
  { bits, groupSize }: GroupedIntegers,
): Value | undefined {
  const columns = y.shape[y.shape.length - 1];
  if (weight.value.dtype !== 'uint8' || zeroPoint || !isBlock(groupSize, columns)) return undefined;
  const inputs = [weight.value, index.value, scale.value];
  return graph.foreign('com.microsoft', 'GatherBlockQuantized', inputs, y, {
    bits: { int: bits },
    block_size: { int: groupSize },
    gather_axis: { int: 0 },
    quantize_axis: { int: 1 },
  });
}

/** The numbers [..., columns] of `codes`, rows of the weight; `rows` takes the same ones of scales and zero points. */
function numbers(
  graph: Graph,
  { weight, scale, zeroPoint }: Grouped,
  codes: Value,
  rows: (v: Value) => Value,
  columns: number,
  { bits, groupSize }: GroupedIntegers,
): Value {
  const outer = codes.shape.slice(0, -1);
  const like = { shape: [...outer, columns], dtype: 'float32' as const };
  const float = graph.node(
    'Cast',
    [codes],
    { shape: codes.shape, dtype: 'float32' },
    { to: { int: elementTypes.float32 } },
  );
  const integers = bits === 4 ? halves(graph, float, columns) : float;
  // A scale for each column, unless there is one for all.
  const each = (operand: Operand): Value => {
    const value = rows(operand.value);
    if (operand.physical[1] === 1) return value;
    const group = Array.from({ length: columns }, (_, j) => Math.floor(j / groupSize));
    const axis = { axis: { int: value.shape.length - 1 } };
    return graph.node('Gather', [value, graph.ints(group)], like, axis);
  };
  const middle = bits === 4 ? 8 : weight.value.dtype === 'uint8' ? 128 : 0;
  const zero = zeroPoint ? each(zeroPoint) : graph.scalar('float32', middle);
  const centred = graph.node('Sub', [integers, zero], like);
  return graph.node('Mul', [centred, each(scale)], like);
}

/** Bytes [..., b] as floats → their halves [..., columns], the lower first. */
function halves(graph: Graph, bytes: Value, columns: number): Value {
  const sixteen = graph.scalar('float32', 16);
  const high = graph.node('Floor', [graph.node('Div', [bytes, sixteen], bytes)], bytes);
  const low = graph.node('Sub', [bytes, graph.node('Mul', [high, sixteen], bytes)], bytes);
  const column = [...bytes.shape, 1];
  const both = { shape: [...bytes.shape, 2], dtype: 'float32' as const };
  const axis = { axis: { int: bytes.shape.length } };
  const parts = [low, high].map((v) => graph.reshape(v, column));
  const joined = graph.node('Concat', parts, both, axis);
  const width = 2 * (bytes.shape.at(-1) as number);
  const all = graph.reshape(joined, [...bytes.shape.slice(0, -1), width]);
  if (width === columns) return all;
  const rank = bytes.shape.length;
  const inputs = [all, graph.ints([0]), graph.ints([columns]), graph.ints([rank - 1])];
  return graph.node('Slice', inputs, { shape: [...bytes.shape.slice(0, -1), columns], dtype: 'float32' });
}
