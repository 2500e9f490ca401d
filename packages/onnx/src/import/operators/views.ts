import { ArgumentError, ShapeError } from '@octet/backend';
import { cat, dropout, formatShape, ones, Tensor } from '@octet/tensor';
import type { GraphFunction } from '../../graph-module';
import { broadcastAll, HostTensor, onHost, rowMajor, toHost, toTensor, type Value } from '../../host-tensor';
import { turning } from '../channels-last';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';
import { axisOf, fromFront, intsOf, isFloat, numberOf } from './helpers';
import { numbers } from './on-device';

function reshaped(x: Value, shape: readonly number[], zeroIsZero: boolean): Value {
  return x.reshape(shape.map((d, i) => (d === 0 && !zeroIsZero ? (x.shape[i] ?? 0) : d)));
}

/** How many dims a shape that comes as a value has. */
function rankOf(shape: Operand): number | undefined {
  return shape.constant?.numel;
}

function checkAxes(op: string, axes: readonly number[], rank: number): number[] {
  const found = axes.map((a) => fromFront(a, rank));
  if (found.every((a) => Number.isInteger(a) && a >= 0 && a < rank) && new Set(found).size === found.length)
    return found;
  throw new ArgumentError({
    op,
    expected: `axes of ${rank} dimensions, each once`,
    found: `[${axes}]`,
    fix: 'Correct the axes.',
  });
}

const squeeze = (x: Value, axes: readonly number[] | undefined): Value => {
  const gone = axes
    ? checkAxes('Squeeze', axes, x.shape.length)
    : x.shape.flatMap((n, d) => (n === 1 ? [d] : []));
  const wrong = gone.find((d) => x.shape[d] !== 1);
  if (wrong !== undefined) {
    throw new ShapeError({
      op: 'Squeeze',
      expected: `size 1 at axis ${wrong}`,
      found: formatShape(x.shape),
      fix: 'Check the sizes of the inputs.',
    });
  }
  return x.reshape(x.shape.filter((_, d) => !gone.includes(d)));
};

const unsqueeze = (x: Value, axes: readonly number[]): Value => {
  const rank = x.shape.length + axes.length;
  const added = checkAxes('Unsqueeze', axes, rank);
  const rest = [...x.shape];
  return x.reshape(
    Array.from({ length: rank }, (_, d) => (added.includes(d) ? 1 : (rest.shift() as number))),
  );
};

/** A function of a value and a list of axes: an attribute before version 13, then an input. */
function withAxes(
  op: string,
  fn: (x: Value, axes: readonly number[] | undefined) => Value,
  rank: (x: number, axes: number) => number,
): OnnxOperator[] {
  const rankWith = (node: OnnxNode, count: number | undefined) => {
    const before = node.input(0).rank;
    return before === undefined || count === undefined ? undefined : rank(before, count);
  };
  return [
    {
      op,
      since: 13,
      import: (node) =>
        node.call1((args) => fn(args[0] as Value, args[1] && intsOf(args[1])), node.inputs, {
          ...{ host: [1], rank: rankWith(node, node.inputs[1]?.constant?.numel) },
        }),
    },
    {
      op,
      since: 1,
      until: 12,
      import(node) {
        const axes = node.ints('axes');
        return node.call1((args) => fn(args[0] as Value, axes), [node.input(0)], {
          rank: rankWith(node, axes?.length),
        });
      },
    },
  ];
}

/** Elements start, start + step, … of one dim. */
function sliced(x: Value, dim: number, start: number, end: number, step: number): Value {
  const n = x.shape[dim];
  if (step === 0)
    throw new ArgumentError({
      op: 'Slice',
      expected: 'a step other than 0',
      found: '0',
      fix: 'Correct the steps.',
    });
  if (step > 0) return x.slice(dim, start, end, step);
  const from = Math.min(start < 0 ? start + n : start, n - 1);
  const to = Math.max(end < 0 ? end + n : end, -1);
  if (x instanceof HostTensor) return x.slice(dim, from, to, step);
  if (numbers.includes(x.dtype) && from > to)
    return x
      .slice(dim, to + 1, from + 1)
      .flip(dim)
      .slice(dim, 0, from - to, -step);
  return onHost('Slice', (t) => (t as HostTensor).slice(dim, from, to, step))([x]) as Value;
}

function sliceAll(
  x: Value,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[] | undefined,
  steps: readonly number[] | undefined,
): Value {
  const dims = checkAxes('Slice', axes ?? starts.map((_, i) => i), x.shape.length);
  return dims.reduce((y, d, i) => sliced(y, d, starts[i], ends[i], steps?.[i] ?? 1), x);
}

/** Values one after the other; on the backend if one of them is there. */
export function concat(values: readonly Value[], axis: number): Value {
  const dim = axisOf(axis, values[0].shape.length);
  const there = values.find((v) => v instanceof Tensor);
  if (there)
    return cat(
      values.map((v) => toTensor(v, there.backend)),
      dim,
    );
  const parts = values as readonly HostTensor[];
  const [first] = parts;
  const shape = first.shape.map((n, d) =>
    d === dim ? parts.reduce((s, p) => s + (p.shape[dim] ?? 0), 0) : n,
  );
  const fits = (p: HostTensor) => p.dim === first.dim && p.shape.every((n, d) => d === dim || n === shape[d]);
  if (!(dim >= 0 && dim < first.dim && parts.every(fits))) {
    throw new ShapeError({
      op: 'Concat',
      expected: `shapes that are equal but for axis ${axis}`,
      found: parts
        .map((p) => formatShape(p.shape))
        .slice(0, 8)
        .join(', '),
      fix: 'Check the sizes of the inputs.',
    });
  }
  const out = HostTensor.zeros(shape, first.dtype);
  const inner = rowMajor(shape)[dim];
  const rows = shape.slice(0, dim).reduce((a, b) => a * b, 1);
  let at = 0;
  for (const p of parts) {
    const length = p.shape[dim] * inner;
    for (let r = 0; r < rows; r++)
      out.data.set(p.data.subarray(r * length, (r + 1) * length), r * shape[dim] * inner + at);
    at += length;
  }
  return out;
}

/** Parts of these sizes, which must add up. @throws ShapeError */
export function split(x: Value, axis: number, sizes: readonly number[]): Value[] {
  const dim = axisOf(axis, x.shape.length);
  let at = 0;
  const parts = sizes.map((n) => {
    at += n;
    return x.slice(dim, at - n, at);
  });
  if (at === x.shape[dim]) return parts;
  throw new ShapeError({
    op: 'Split',
    expected: `sizes that add up to ${x.shape[dim]}`,
    found: `[${sizes}]`,
    fix: 'Check the sizes of the inputs.',
  });
}

/** The sizes of `count` parts as even as they can be: the last one is smaller. */
function evenly(n: number, count: number): number[] {
  const each = Math.ceil(n / count);
  return Array.from({ length: count }, (_, i) => Math.max(0, Math.min(each, n - i * each)));
}

function expanded(x: Value, shape: readonly number[]): Value {
  return x.expand(broadcastAll(x.shape, shape));
}

function tiled(x: Value, repeats: readonly number[]): Value {
  // Each dim as [repeats, size], the first repeated.
  const apart = x.reshape(x.shape.flatMap((n) => [1, n]));
  const wide = apart.expand(x.shape.flatMap((n, d) => [repeats[d] ?? 1, n]));
  return wide.reshape(x.shape.map((n, d) => n * (repeats[d] ?? 1)));
}

/** Where each element of a padded dim comes from. */
function sources(mode: string, n: number, before: number, after: number): number[] {
  const period = Math.max(1, 2 * (n - 1));
  return Array.from({ length: Math.max(0, n + before + after) }, (_, i) => {
    const at = i - before;
    if (mode === 'edge') return Math.min(Math.max(at, 0), n - 1);
    if (mode === 'wrap') return ((at % n) + n) % n;
    const r = ((at % period) + period) % period;
    return r < n ? r : period - r;
  });
}

function padded(
  x: Value,
  pads: readonly number[],
  mode: string,
  value: number,
  axes: readonly number[] | undefined,
): Value {
  const rank = x.shape.length;
  const dims = checkAxes('Pad', axes ?? x.shape.map((_, d) => d), rank);
  if (pads.length !== 2 * dims.length) {
    throw new ArgumentError({
      op: 'Pad',
      expected: `${2 * dims.length} amounts`,
      found: `[${pads}]`,
      fix: 'Correct the pads.',
    });
  }
  const [before, after] = [0, dims.length].map((from) => {
    const all = new Array<number>(rank).fill(0);
    for (const [i, d] of dims.entries()) all[d] = pads[from + i];
    return all;
  });
  if (mode === 'constant') {
    if (x instanceof Tensor)
      return x.pad(
        before.flatMap((_, i) => [before[rank - 1 - i], after[rank - 1 - i]]),
        value,
      );
    return padHost(x, before, after, value);
  }
  // What is taken once at most, without cutting.
  const most = (n: number) => (mode === 'edge' ? Number.POSITIVE_INFINITY : mode === 'wrap' ? n : n - 1);
  const isOnce = dims.every(
    (d) => Math.min(before[d], after[d]) >= 0 && Math.max(before[d], after[d]) <= most(x.shape[d]),
  );
  if (x instanceof Tensor && (isFloat(x) || x.isQuantized) && isOnce)
    return paddedByItself(x, before, after, mode);
  return dims.reduce<Value>((y, d) => {
    if (before[d] === 0 && after[d] === 0) return y;
    const from = sources(mode, y.shape[d], before[d], after[d]);
    // Runs of consecutive elements as slices: views, which stay where they are.
    const parts: Value[] = [];
    for (let i = 0; i < from.length; ) {
      let j = i + 1;
      while (j < from.length && from[j] === from[j - 1] + 1) j++;
      parts.push(y.slice(d, from[i], from[i] + j - i));
      i = j;
    }
    return concat(parts, d);
  }, x);
}

/** By ONNX's names. */
const padModes: Readonly<Record<string, 'reflect' | 'replicate' | 'circular'>> = {
  reflect: 'reflect',
  edge: 'replicate',
  wrap: 'circular',
};

/** The last dims of rows and images at once, others one by one as rows of an image of one channel. */
function paddedByItself(
  x: Tensor,
  before: readonly number[],
  after: readonly number[],
  given: string,
): Tensor {
  const mode = padModes[given];
  const rank = x.dim;
  const isWithin = rank === 3 || rank === 4;
  const isPadded = (d: number) => before[d] !== 0 || after[d] !== 0;
  if (isWithin && !isPadded(0) && !isPadded(1)) {
    const amounts = before.flatMap((_, i) => [before[rank - 1 - i], after[rank - 1 - i]]);
    return x.pad(amounts.slice(0, 2 * (rank - 2)), { mode });
  }
  return x.shape.reduce((y, n, d) => {
    if (!isPadded(d)) return y;
    const count = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);
    const inner = count(y.shape.slice(d + 1));
    const image = y.reshape([count(y.shape.slice(0, d)), 1, n, inner]);
    const shape = y.shape.map((size, i) => (i === d ? n + before[d] + after[d] : size));
    return image.pad([0, 0, before[d], after[d]], { mode }).reshape(shape);
  }, x);
}

function padHost(
  x: HostTensor,
  before: readonly number[],
  after: readonly number[],
  value: number,
): HostTensor {
  const shape = x.shape.map((n, d) => n + before[d] + after[d]);
  const out = HostTensor.zeros(shape, x.dtype);
  out.data.fill(value);
  const strides = rowMajor(shape);
  const from = rowMajor(x.shape);
  for (let i = 0; i < x.numel; i++) {
    let at = 0;
    let inside = true;
    for (let d = 0; d < x.dim; d++) {
      const p = (Math.floor(i / from[d]) % x.shape[d]) + before[d];
      inside &&= p >= 0 && p < shape[d];
      at += p * strides[d];
    }
    if (inside) out.data[at] = x.data[i];
  }
  return out;
}

/** Blocks of channels as blocks of pixels, and back. */
const depthToSpace = (block: number, columnFirst: boolean) => (x: Value) => {
  const [n, c, h, w] = x.shape;
  const [b, d] = [block, c / (block * block)];
  const apart = columnFirst ? x.reshape([n, d, b, b, h, w]) : x.reshape([n, b, b, d, h, w]);
  return apart.permute(columnFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]).reshape([n, d, h * b, w * b]);
};

const spaceToDepth = (block: number, columnFirst: boolean) => (x: Value) => {
  const [n, c, h, w] = x.shape;
  const apart = x.reshape([n, c, h / block, block, w / block, block]);
  const order = columnFirst ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4];
  return apart.permute(order).reshape([n, c * block * block, h / block, w / block]);
};

const one =
  (fn: (x: Value) => Value): GraphFunction =>
  (args) =>
    fn(args[0] as Value);

export const views = (): readonly OnnxOperator[] => [
  { op: 'Identity', since: 1, import: (node) => same(node) },
  {
    op: 'Reshape',
    since: 5,
    inputs: 2,
    import(node) {
      const zeroIsZero = node.flag('allowzero');
      return node.call1(
        (args) => reshaped(args[0] as Value, intsOf(args[1] as Value), zeroIsZero),
        node.inputs,
        { host: [1], rank: rankOf(node.input(1)) },
      );
    },
  },
  {
    op: 'Reshape',
    since: 1,
    until: 4,
    import(node) {
      const shape = node.ints('shape') ?? [];
      return node.call1(
        one((x) => reshaped(x, shape, false)),
        [node.input(0)],
        { rank: shape.length },
      );
    },
  },
  {
    op: 'Flatten',
    since: 1,
    import(node) {
      const axis = node.int('axis', 1);
      return node.call1(
        one((x) => {
          const at = fromFront(axis, x.shape.length);
          const count = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1);
          return x.reshape([count(x.shape.slice(0, at)), count(x.shape.slice(at))]);
        }),
        node.inputs,
        { rank: 2 },
      );
    },
  },
  {
    op: 'Transpose',
    since: 1,
    import(node) {
      const perm = node.ints('perm');
      const order = (x: Value) => perm ?? x.shape.map((_, d) => x.shape.length - 1 - d);
      return turning(node.input(0), perm, () =>
        node.call1(
          one((x) => x.permute(checkAxes('Transpose', order(x), x.shape.length))),
          node.inputs,
          { rank: node.input(0).rank ?? perm?.length },
        ),
      );
    },
  },
  ...withAxes('Squeeze', squeeze, (x, axes) => x - axes).map((row) => ({
    ...row,
    import: keepingLayer(row),
  })),
  ...withAxes(
    'Unsqueeze',
    (x, axes) => unsqueeze(x, axes ?? []),
    (x, axes) => x + axes,
  ),
  {
    op: 'Slice',
    since: 10,
    inputs: 3,
    import: (node) =>
      takesAll(node) ??
      node.call1(
        (args) => {
          const [starts, ends, axes, steps] = [1, 2, 3, 4].map((i) => args[i] && intsOf(args[i] as Value));
          return sliceAll(args[0] as Value, starts as number[], ends as number[], axes, steps);
        },
        node.inputs,
        { host: [1, 2, 3, 4], rank: node.input(0).rank },
      ),
  },
  {
    op: 'Slice',
    since: 1,
    until: 9,
    import(node) {
      const [starts, ends, axes] = ['starts', 'ends', 'axes'].map((name) => node.ints(name));
      return node.call1(
        one((x) => sliceAll(x, starts ?? [], ends ?? [], axes, undefined)),
        node.inputs,
        { rank: node.input(0).rank },
      );
    },
  },
  {
    op: 'Concat',
    since: 1,
    import(node) {
      const axis = node.int('axis', 1);
      const all = node.present;
      return node.call1((args) => concat(args as Value[], axis), all, {
        rank: all.find((o) => o.rank !== undefined)?.rank,
        attributes: { axis },
      });
    },
  },
  {
    op: 'Split',
    since: 1,
    import(node) {
      const axis = node.int('axis', 0);
      const given = node.ints('split');
      const count = node.int('num_outputs', node.outputs.length);
      if (count !== node.outputs.length) throw node.wrong(`${count} outputs`, String(node.outputs.length));
      return node.call(
        (args) => {
          const [x, sizes] = args as [Value, Value | undefined];
          return split(
            x,
            axis,
            sizes ? intsOf(sizes) : (given ?? evenly(x.shape[axisOf(axis, x.shape.length)], count)),
          );
        },
        node.inputs,
        { host: [1], outputs: count, rank: node.input(0).rank },
      );
    },
  },
  {
    op: 'Expand',
    since: 8,
    inputs: 2,
    import: (node) =>
      node.call1((args) => expanded(args[0] as Value, intsOf(args[1] as Value)), node.inputs, { host: [1] }),
  },
  {
    op: 'Tile',
    since: 6,
    inputs: 2,
    import: (node) =>
      node.call1((args) => tiled(args[0] as Value, intsOf(args[1] as Value)), node.inputs, {
        host: [1],
        rank: node.input(0).rank,
      }),
  },
  {
    op: 'Pad',
    since: 11,
    inputs: 2,
    import(node) {
      const mode = node.string('mode', 'constant');
      return node.call1(
        ([x, pads, value, axes]) =>
          padded(x as Value, intsOf(pads as Value), mode, value ? numberOf(value) : 0, axes && intsOf(axes)),
        node.inputs,
        { host: [1, 2, 3], rank: node.input(0).rank },
      );
    },
  },
  {
    op: 'Pad',
    since: 1,
    until: 10,
    import(node) {
      const [mode, value] = [node.string('mode', 'constant'), node.float('value', 0)];
      const pads = node.ints('pads') ?? node.ints('paddings') ?? [];
      return node.call1(
        one((x) => padded(x, pads, mode, value, undefined)),
        node.inputs,
        { rank: node.input(0).rank },
      );
    },
  },
  {
    op: 'DepthToSpace',
    since: 1,
    import: (node) =>
      node.call1(one(depthToSpace(blockOf(node), node.string('mode', 'DCR') === 'CRD')), node.inputs, {
        rank: 4,
      }),
  },
  {
    op: 'SpaceToDepth',
    since: 1,
    import: (node) =>
      node.call1(one(spaceToDepth(blockOf(node), node.string('mode', 'DCR') === 'CRD')), node.inputs, {
        rank: 4,
      }),
  },
  {
    op: 'Dropout',
    since: 1,
    import(node) {
      const training = node.inputs[2];
      if (training && training.constant?.data[0] !== 0) return droppedOut(node);
      const x = node.input(0);
      if (node.outputs.length < 2) return x;
      const mask = node.call1(
        (args) => {
          const { shape } = args[0] as Value;
          const all = HostTensor.zeros(shape, 'bool');
          all.data.fill(1);
          return all;
        },
        [x],
        { rank: x.rank },
      );
      return [x, mask];
    },
  },
];

/** Dropout of a model in training, which its third input says: then it is random. */
function droppedOut(node: OnnxNode): Operand[] {
  return node.call(
    ([given, ratio, training], { backend }) => {
      const x = toTensor(given as Value, backend);
      const p = training && numberOf(training) !== 0 ? (ratio ? numberOf(ratio) : 0.5) : 0;
      const kept = dropout(ones(x.shape, { backend }), p, { training: true });
      return [p === 0 ? x : x.mul(kept), kept.gt(0)].slice(0, node.outputs.length);
    },
    node.inputs,
    { rank: node.input(0).rank, host: [1, 2], outputs: node.outputs.length, fold: false },
  );
}

/** The operand of a slice that is certain to leave nothing out. */
function takesAll(node: OnnxNode): Operand | undefined {
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((i) => node.inputs[i]);
  const all = (operand: Operand | undefined, is: (n: number) => boolean) =>
    operand?.constant?.toArray().every(is);
  // No dim is as long as that.
  const whole =
    all(starts, (n) => n === 0) && all(ends, (n) => n >= 1e9) && (!steps || all(steps, (n) => n === 1));
  return whole && (!axes || axes.constant) ? node.input(0) : undefined;
}

/** A squeeze behind the channels leaves them where they are. */
function keepingLayer({ import: squeezed }: OnnxOperator): OnnxOperator['import'] {
  return (node) => {
    const y = squeezed(node) as Operand;
    const x = node.input(0);
    const axes = node.inputs[1]?.constant?.toArray() ?? node.ints('axes');
    const kept = x.rank === 4 && axes?.every((a) => fromFront(a, 4) > 1) && node.isReadOnce(x);
    return kept ? { ...y, layer: x.layer } : y;
  };
}

function same(node: OnnxNode): Operand {
  return node.input(0);
}

function blockOf(node: OnnxNode): number {
  const block = node.int('blocksize', 0);
  if (block >= 1 && block < 2 ** 12) return block;
  throw node.wrong('a blocksize >= 1', String(block));
}

export { toHost };
