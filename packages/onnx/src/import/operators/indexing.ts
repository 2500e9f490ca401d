import { ArgumentError } from '@octet/backend';
import { Embedding, skipInit } from '@octet/nn';
import { cat, einsum, embedding, Tensor } from '@octet/tensor';
import {
  broadcastStrides,
  HostTensor,
  onHost,
  rowMajor,
  toHost,
  toTensor,
  type Value,
} from '../../host-tensor';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';
import { withWeights } from '../weights';
import { axisOf, fromFront, inverse, isFloat, numberOf, row } from './helpers';

/** An index counted from the front. @throws ArgumentError */
function indexIn(op: string, i: number, n: number): number {
  const at = i < 0 ? i + n : i;
  if (at >= 0 && at < n) return at;
  throw new ArgumentError({
    op,
    expected: `an index from ${-n} to ${n - 1}`,
    found: String(i),
    fix: 'Check the indices, and the sizes of the inputs.',
  });
}

/** An index for a dim of `n` as a tensor, counted from the front; what is on the host is checked. */
export function positions(op: string, index: Value, n: number, backend: Tensor['backend']): Tensor {
  if (index instanceof HostTensor) {
    const data = Int32Array.from(index.data, (i) => indexIn(op, i, n));
    return new HostTensor(data, index.shape, 'int32').on(backend);
  }
  return index.add(n).where(index.lt(0), index);
}

/** Whether a tensor is there whose dtype kernels by indices take. */
const isIndexed = (x: Value | undefined): x is Tensor =>
  x instanceof Tensor && (isFloat(x) || x.dtype === 'int32');

/** The slices of `x` along `dim` that indices from the front name, in their place. */
function picked(x: Tensor, at: Tensor, dim: number): Tensor {
  const order = [dim, ...x.shape.map((_, d) => d).filter((d) => d !== dim)];
  const front = x.permute(order);
  const [n, ...rest] = front.shape;
  const rows = embedding(at.reshape([at.numel]), front.reshape([n, rest.reduce((a, b) => a * b, 1)]));
  return rows
    .reshape([at.numel, ...rest])
    .permute(inverse(order))
    .reshape([...x.shape.slice(0, dim), ...at.shape, ...x.shape.slice(dim + 1)]);
}

function gather(x: Value, index: Value, axis: number): Value {
  const dim = axisOf(axis, x.shape.length);
  const n = x.shape[dim];
  const isTable = x.dtype === 'float32' && x.numel > 0;
  if (index instanceof Tensor && isTable && index.dtype === 'int32') {
    const { backend } = index;
    return picked(toTensor(x, backend), positions('Gather', index, n, backend), dim);
  }
  const at = toHost(index);
  const rows = Array.from(at.data, (i) => indexIn('Gather', i, n));
  const shape = [...x.shape.slice(0, dim), ...at.shape, ...x.shape.slice(dim + 1)];
  if (x instanceof Tensor && at.numel === 1) return x.slice(dim, rows[0], rows[0] + 1).reshape(shape);
  if (x instanceof Tensor && isTable)
    return picked(x, new HostTensor(Int32Array.from(rows), at.shape, 'int32').on(x.backend), dim);
  return onHost('Gather', (t) => {
    const from = t as HostTensor;
    const inner = rowMajor(from.shape)[dim];
    const outer = from.shape.slice(0, dim).reduce((a, b) => a * b, 1);
    const out = HostTensor.zeros(shape, from.dtype);
    let to = 0;
    for (let o = 0; o < outer; o++) {
      for (const r of rows) {
        out.data.set(from.data.subarray((o * n + r) * inner, (o * n + r + 1) * inner), to);
        to += inner;
      }
    }
    return out;
  })([x]) as Value;
}

/** Calls `visit` with the offset in `x` of the row that each index names, and the number of the index. */
function eachRow(
  op: string,
  x: Pick<HostTensor, 'shape'>,
  indices: HostTensor,
  batch: number,
  visit: (offset: number, i: number) => void,
): number {
  const width = indices.shape[indices.dim - 1];
  const strides = rowMajor(x.shape);
  const perBatch = indices.shape.slice(batch, -1).reduce((a, b) => a * b, 1);
  const count = indices.shape.slice(0, -1).reduce((a, b) => a * b, 1);
  const rowsBefore = batch === 0 ? 0 : strides[batch - 1];
  for (let i = 0; i < count; i++) {
    let offset = batch === 0 ? 0 : Math.floor(i / perBatch) * rowsBefore;
    for (let k = 0; k < width; k++)
      offset += indexIn(op, indices.data[i * width + k], x.shape[batch + k]) * strides[batch + k];
    visit(offset, i);
  }
  return x.shape.slice(batch + width).reduce((a, b) => a * b, 1);
}

/** Where along which dim `places`, in order, are a part of a whole that has all of the other dims; undefined if they are no such part. */
function partAlong(
  places: Int32Array,
  whole: readonly number[],
  part: readonly number[],
): readonly [start: number, dim: number] | undefined {
  const dims = whole.flatMap((n, d) => (n === part[d] ? [] : [d]));
  const [dim] = dims;
  if (whole.length !== part.length || dims.length !== 1) return undefined;
  const inner = rowMajor(whole)[dim];
  const [row, all] = [part[dim] * inner, whole[dim] * inner];
  const isPart = places.every((at, i) => at === places[0] + Math.floor(i / row) * all + (i % row));
  return isPart && places[0] % inner === 0 ? [places[0] / inner, dim] : undefined;
}

type Combine = (old: number, update: number) => number;
const combine: Readonly<Record<string, Combine>> = {
  none: (_, u) => u,
  add: (o, u) => o + u,
  mul: (o, u) => o * u,
  max: Math.max,
  min: Math.min,
};

const deviceReductions: Readonly<Record<string, 'sum' | 'prod' | 'amax' | 'amin'>> = {
  add: 'sum',
  mul: 'prod',
  max: 'amax',
  min: 'amin',
};

/** Rows of a constant table, as the layer that looks them up; undefined for what is no such thing, or so small that its rows may be sizes. */
function lookedUp(node: OnnxNode, x: Operand, index: Operand, axis: number): Operand | undefined {
  const { constant: table } = x;
  if (table?.dtype !== 'float32' || table.dim !== 2 || table.numel < LEAST_TABLE) return undefined;
  if (axisOf(axis, 2) !== 0 || index.constant || !node.isReadOnce(x)) return undefined;
  const [numEmbeddings, embeddingDim] = table.shape;
  // Its own weight would only be thrown away: it is made small.
  const layer = Object.assign(
    skipInit(() => new Embedding(1, 1)),
    { numEmbeddings, embeddingDim },
  );
  const at = node.call1(
    ([i], { backend }) => positions('Gather', i as Value, numEmbeddings, backend),
    [index],
    { host: [0], rank: index.rank },
  );
  const rank = index.rank === undefined ? undefined : index.rank + 1;
  return node.layer(withWeights(layer, table, undefined), [at], { weight: x, rank })[0];
}

/** Numbers of a table that is a layer. */
const LEAST_TABLE = 4096;

function copyOf(x: HostTensor): HostTensor {
  return new HostTensor(x.data.slice(), x.shape, x.dtype);
}

export const indexing = (): readonly OnnxOperator[] => [
  {
    op: 'Gather',
    since: 1,
    inputs: 2,
    import(node) {
      const axis = node.int('axis', 0);
      const [x, index] = [node.input(0), node.input(1)];
      const rank = x.rank !== undefined && index.rank !== undefined ? x.rank + index.rank - 1 : undefined;
      const rows = lookedUp(node, x, index, axis);
      if (rows) return rows;
      return node.call1((args) => gather(args[0] as Value, args[1] as Value, axis), node.inputs, {
        host: [1],
        rank,
      });
    },
  },
  row('GatherElements', 11, 2, (node) => {
    const axis = node.int('axis', 0);
    const there = onHost('GatherElements', (t, index) => {
      const [x, at] = [t as HostTensor, index as HostTensor];
      const dim = axisOf(axis, x.dim);
      const strides = rowMajor(x.shape);
      const own = rowMajor(at.shape);
      const out = HostTensor.zeros(at.shape, x.dtype);
      for (let i = 0; i < out.numel; i++) {
        let from = indexIn('GatherElements', at.data[i], x.shape[dim]) * strides[dim];
        for (let d = 0; d < x.dim; d++)
          if (d !== dim) from += (Math.floor(i / own[d]) % at.shape[d]) * strides[d];
        out.data[i] = x.data[from];
      }
      return out;
    });
    return (args, { backend }) => {
      const [x, index] = args as [Value, Value];
      if (!isIndexed(x)) return there(args);
      const dim = axisOf(axis, x.dim);
      return x.gather(dim, positions('GatherElements', index, x.shape[dim], backend));
    };
  }),
  row('GatherND', 11, 2, (node) => {
    const batch = node.int('batch_dims', 0);
    return onHost('GatherND', (t, index) => {
      const [x, at] = [t as HostTensor, index as HostTensor];
      const shape = [...at.shape.slice(0, -1), ...x.shape.slice(batch + at.shape[at.dim - 1])];
      const out = HostTensor.zeros(shape, x.dtype);
      const size = x.shape.slice(batch + at.shape[at.dim - 1]).reduce((a, b) => a * b, 1);
      eachRow('GatherND', x, at, batch, (offset, i) =>
        out.data.set(x.data.subarray(offset, offset + size), i * size),
      );
      return out;
    });
  }),
  ...['ScatterElements', 'Scatter'].map((op) =>
    row(op, op === 'Scatter' ? 9 : 11, 3, (node) => {
      const axis = node.int('axis', 0);
      const reduction = node.string('reduction', 'none');
      const f = combine[reduction] ?? node.unsupported('this reduction');
      const there = onHost(op, (t, index, source) => {
        const [x, at, updates] = [t, index, source] as HostTensor[];
        const dim = axisOf(axis, x.dim);
        const strides = rowMajor(x.shape);
        const own = rowMajor(at.shape);
        const out = copyOf(x);
        for (let i = 0; i < at.numel; i++) {
          let to = indexIn(op, at.data[i], x.shape[dim]) * strides[dim];
          for (let d = 0; d < x.dim; d++)
            if (d !== dim) to += (Math.floor(i / own[d]) % at.shape[d]) * strides[d];
          out.data[to] = f(out.data[to], updates.data[i]);
        }
        return out;
      });
      return (args, { backend }) => {
        const [x, index, src] = args as [Value, Value, Value];
        if (!isIndexed(x) || src.dtype !== x.dtype) return there(args);
        const dim = axisOf(axis, x.dim);
        const at = positions(op, index, x.shape[dim], backend);
        const updates = toTensor(src, backend);
        const reduce = deviceReductions[reduction];
        return reduce ? x.scatterReduce(dim, at, updates, reduce) : x.scatter(dim, at, updates);
      };
    }),
  ),
  row('ScatterND', 11, 3, (node) => {
    const f = combine[node.string('reduction', 'none')] ?? node.unsupported('this reduction');
    const reduce = deviceReductions[node.string('reduction', 'none')];
    const there = onHost('ScatterND', (t, index, source) => {
      const [x, at, updates] = [t, index, source] as HostTensor[];
      const out = copyOf(x);
      const size = x.shape.slice(at.shape[at.dim - 1]).reduce((a, b) => a * b, 1);
      eachRow('ScatterND', x, at, 0, (offset, i) => {
        for (let k = 0; k < size; k++)
          out.data[offset + k] = f(out.data[offset + k], updates.data[i * size + k]);
      });
      return out;
    });
    return (args, { backend }) => {
      const [x, at, updates] = args as Value[];
      const tensors = [x, updates].some(isIndexed) && x.dtype === updates.dtype;
      if (!tensors || !(at instanceof HostTensor)) return there(args) as Value;
      // The indices are known: elements of x and of the updates, one after the other.
      const offsets: number[] = [];
      const size = eachRow('ScatterND', x, at, 0, (offset) => offsets.push(offset));
      const places = Int32Array.from(
        { length: offsets.length * size },
        (_, i) => offsets[Math.floor(i / size)] + (i % size),
      );
      const [start, dim] = (!reduce && partAlong(places, x.shape, updates.shape)) || [];
      if (start !== undefined && dim !== undefined) {
        const [whole, part] = [x, updates].map((v) => toTensor(v, backend));
        const end = start + part.shape[dim];
        const parts = [whole.slice(dim, 0, start), part, whole.slice(dim, end, whole.shape[dim])];
        return cat(
          parts.filter(({ numel }) => numel > 0),
          dim,
        );
      }
      const flat = [x, updates].map((v) => toTensor(v, backend).reshape([v.numel]));
      const index = new HostTensor(places, [places.length], 'int32').on(backend);
      const out = reduce
        ? flat[0].scatterReduce(0, index, flat[1], reduce)
        : flat[0].scatter(0, index, flat[1]);
      return out.reshape(x.shape);
    };
  }),
  row('OneHot', 9, 3, (node) => {
    const axis = node.int('axis', -1);
    return (args) => {
      const [indices, depth, values] = args as Value[];
      const at = toHost(indices);
      const n = numberOf(depth);
      const [off, on] = toHost(values).data;
      const dim = axis < 0 ? axis + at.dim + 1 : axis;
      const shape = [...at.shape.slice(0, dim), n, ...at.shape.slice(dim)];
      const out = HostTensor.zeros(shape, toHost(values).dtype);
      out.data.fill(off);
      const inner = at.shape.slice(dim).reduce((a, b) => a * b, 1);
      for (let i = 0; i < at.numel; i++) {
        const k = at.data[i] < 0 ? at.data[i] + n : at.data[i];
        if (k >= 0 && k < n) out.data[(Math.floor(i / inner) * n + k) * inner + (i % inner)] = on;
      }
      return out;
    };
  }),
  row('Trilu', 14, 1, (node) => {
    const upper = node.flag('upper', true);
    const there = onHost('Trilu', (t, shift) => {
      const x = t as HostTensor;
      const k = shift?.data[0] ?? 0;
      const [rows, columns] = x.shape.slice(-2);
      const out = copyOf(x);
      for (let i = 0; i < out.numel; i++) {
        const [r, c] = [Math.floor(i / columns) % rows, i % columns];
        if (upper ? c - r < k : c - r > k) out.data[i] = 0;
      }
      return out;
    });
    return (args) => {
      const [x, shift] = args as [Value, Value | undefined];
      if (!(x instanceof Tensor)) return there(args);
      const k = shift ? numberOf(shift) : 0;
      return upper ? x.triu(k) : x.tril(k);
    };
  }),
  row('CumSum', 11, 2, (node) => {
    const [exclusive, reverse] = [node.flag('exclusive'), node.flag('reverse')];
    const there = onHost('CumSum', (t, axis) => {
      const x = t as HostTensor;
      const dim = axisOf((axis as HostTensor).data[0], x.dim);
      const n = x.shape[dim];
      const inner = rowMajor(x.shape)[dim];
      const out = HostTensor.zeros(x.shape, x.dtype);
      for (let i = 0; i < x.numel; i++) {
        if (Math.floor(i / inner) % n !== 0) continue;
        let sum = 0;
        for (let k = 0; k < n; k++) {
          const at = i + (reverse ? n - 1 - k : k) * inner;
          if (exclusive) out.data[at] = sum;
          sum += x.data[at];
          if (!exclusive) out.data[at] = sum;
        }
      }
      return out;
    });
    return (args) => {
      const [x, axis] = args as [Value, Value];
      if (!isIndexed(x)) return there(args);
      const dim = axisOf(numberOf(axis), x.dim);
      const turned = reverse ? x.flip(dim) : x;
      const sums = turned.cumsum(dim);
      const y = exclusive ? sums.sub(turned) : sums;
      return reverse ? y.flip(dim) : y;
    };
  }),
  {
    op: 'TopK',
    since: 10,
    inputs: 2,
    import(node) {
      const [axis, largest] = [node.int('axis', -1), node.flag('largest', true)];
      // In order always, which those who don't ask for it may not count on.
      node.flag('sorted', true);
      return node.call(
        (args, { backend }) => {
          const [x, k] = args as [Value, Value];
          const dim = fromFront(axis, x.shape.length);
          return toTensor(x, backend).topk(numberOf(k), { dim, largest });
        },
        node.inputs,
        { host: [1], outputs: 2 },
      );
    },
  },
  row('Einsum', 12, 1, (node) => {
    const equation = node.string('equation', '');
    return (args, { backend }) => einsum(equation, ...args.map((a) => toTensor(a as Value, backend)));
  }),
  row('NonZero', 9, 1, () =>
    onHost('NonZero', (t) => {
      const x = t as HostTensor;
      const at: number[] = [];
      for (let i = 0; i < x.numel; i++) if (x.data[i] !== 0) at.push(i);
      const strides = rowMajor(x.shape);
      const out = HostTensor.zeros([x.dim, at.length], 'int32');
      for (let d = 0; d < x.dim; d++)
        for (let i = 0; i < at.length; i++)
          out.data[d * at.length + i] = Math.floor(at[i] / strides[d]) % x.shape[d];
      return out;
    }),
  ),
];

export { broadcastStrides };
