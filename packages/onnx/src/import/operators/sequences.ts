/**
 * Lists of tensors, whose places are known while the graph is built: a list is what its parts are, and no value of its own. And parts
 * of one tensor in reverse.
 */
import { where } from '@octet/tensor';
import { HostTensor, toTensor, type Value } from '../../host-tensor';
import type { OnnxNode, Operand, Sequence } from '../node';
import type { OnnxOperator } from '../table';
import { axisOf, fromFront } from './helpers';
import { concat, split } from './views';

/** A list of these operands. */
function listOf(items: readonly Operand[]): Sequence {
  return { items, at: (i) => items[fromFront(i, items.length)] };
}

/** The whole number of an input, which must be constant. */
function placeOf(node: OnnxNode, input: number, absent: number): number {
  const operand = node.inputs[input];
  return operand ? node.requireConstant(operand, 'a place in a sequence').data[0] : absent;
}

/** The items of the list that is input 0; unsupported if only the model's inputs say how many there are. */
function itemsOf(node: OnnxNode): readonly Operand[] {
  return node.sequence(0).items ?? node.unsupported('a sequence whose length is known only when it runs');
}

/** The part `i` of `size` along an axis; the last may be smaller. */
function partOf(node: OnnxNode, axis: number, size: number, i: number): Operand {
  return node.call1(
    ([given]) => {
      const x = given as Value;
      return x.slice(axisOf(axis, x.shape.length), i * size, (i + 1) * size);
    },
    [node.input(0)],
    { op: 'Slice', rank: node.input(0).rank },
  );
}

/** An item without the axis along which it is one. */
function without(node: OnnxNode, part: Operand, axis: number): Operand {
  const rank = part.rank === undefined ? undefined : part.rank - 1;
  const squeezed = ([given]: readonly (Value | undefined)[]) => {
    const x = given as Value;
    const dim = axisOf(axis, x.shape.length);
    return x.reshape(x.shape.filter((_, d) => d !== dim));
  };
  return node.call1(squeezed, [part], { op: 'squeeze', rank });
}

function splitToSequence(node: OnnxNode): Operand {
  const [axis, keeps] = [node.int('axis', 0), node.flag('keepdims', true)];
  const [x, sizes] = [node.input(0), node.inputs[1]];
  const given = sizes && node.requireConstant(sizes, 'the sizes of parts');
  if (given && given.dim > 0) {
    const all = given.toArray();
    const parts = node.call((args) => split(args[0] as Value, axis, all), [x], {
      ...{ op: 'Split', outputs: all.length, rank: x.rank },
    });
    return node.list(listOf(parts));
  }
  // How many there are depends on the input's size: each is cut out where it is asked for.
  const size = given ? given.data[0] : 1;
  if (!(size >= 1)) throw node.wrong('parts of a size >= 1', String(size));
  const at = (i: number) => {
    if (i < 0) node.unsupported('a place from the end of a sequence whose length is known only when it runs');
    const part = partOf(node, axis, size, i);
    return given || keeps ? part : without(node, part, axis);
  };
  return node.list({ items: undefined, at });
}

/** The elements of each column up to its length in reverse; those after it stay. */
function reverseSequence(node: OnnxNode): Operand {
  const [time, batch] = [node.int('time_axis', 0), node.int('batch_axis', 1)];
  return node.call1(
    ([given, lengths], { backend }) => {
      const x = toTensor(given as Value, backend);
      const [t, b] = [axisOf(time, x.dim), axisOf(batch, x.dim)];
      const along = (dim: number) => x.shape.map((n, d) => (d === dim ? n : 1));
      const places = HostTensor.ints(Array.from({ length: x.shape[t] }, (_, i) => i)).on(backend);
      const here = places.reshape(along(t));
      const back = toTensor(lengths as Value, backend)
        .sub(1)
        .reshape(along(b))
        .sub(here);
      return x.gather(t, where(back.lt(0), here, back).expand(x.shape));
    },
    node.inputs,
    { rank: node.input(0).rank, fold: false },
  );
}

function concatenated(node: OnnxNode): Operand {
  const [axis, isNew] = [node.int('axis', 0), node.flag('new_axis')];
  const items = itemsOf(node);
  const rank = items[0]?.rank;
  if (items.length === 0) throw node.wrong('a sequence of at least one tensor', 'an empty one');
  if (!isNew)
    return node.call1((args) => concat(args as Value[], axis), items, {
      ...{ op: 'Concat', rank, attributes: { axis } },
    });
  return node.call1(
    (args) => {
      const parts = args as Value[];
      const dim = axisOf(axis, parts[0].shape.length + 1);
      const wide = parts.map((x) => x.reshape([...x.shape.slice(0, dim), 1, ...x.shape.slice(dim)]));
      return concat(wide, dim);
    },
    items,
    { op: 'stack', rank: rank === undefined ? undefined : rank + 1 },
  );
}

/** A list with changes at a place, which may be counted from the end. */
function changed(
  node: OnnxNode,
  at: number | undefined,
  change: (items: Operand[], place: number) => void,
): Operand {
  const items = [...itemsOf(node)];
  const place = at === undefined ? items.length : fromFront(at, items.length);
  if (!(place >= 0 && place <= items.length))
    throw node.wrong(`a place from ${-items.length} to ${items.length}`, String(at));
  change(items, place);
  return node.list(listOf(items));
}

export const sequences = (): readonly OnnxOperator[] => [
  { op: 'ReverseSequence', since: 10, inputs: 2, import: reverseSequence },
  { op: 'SplitToSequence', since: 11, import: splitToSequence },
  { op: 'SequenceEmpty', since: 11, inputs: 0, import: empty },
  { op: 'SequenceConstruct', since: 11, import: (node) => node.list(listOf(node.present)) },
  {
    op: 'SequenceInsert',
    since: 11,
    inputs: 2,
    import: (node) =>
      changed(node, node.inputs[2] && placeOf(node, 2, 0), (items, at) => items.splice(at, 0, node.input(1))),
  },
  {
    op: 'SequenceErase',
    since: 11,
    import: (node) => changed(node, placeOf(node, 1, -1), (items, at) => items.splice(at, 1)),
  },
  {
    op: 'SequenceAt',
    since: 11,
    inputs: 2,
    import(node) {
      const at = placeOf(node, 1, 0);
      return node.sequence(0).at(at) ?? node.unsupported(`a place ${at} that the sequence does not have`);
    },
  },
  {
    op: 'SequenceLength',
    since: 11,
    import: (node) => node.constant(HostTensor.of([itemsOf(node).length], [], 'int32')),
  },
  { op: 'ConcatFromSequence', since: 11, import: concatenated },
];

/** Its dtype is that of what is put in. */
function empty(node: OnnxNode): Operand {
  node.has('dtype');
  return node.list(listOf([]));
}
