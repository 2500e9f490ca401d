/**
 * Views leave no trace at dispatch: reshape, permute, slice, expand only make another layout of the same memory. What they
 * did is read off the two layouts: the one the memory was written in, and the one it is read in.
 */
import { formatShape, type Layout, numel } from '@octet/tensor';
import { cannotExport } from '../errors';
import type { Graph, Value } from '../graph/graph';
import { describe, indexOf, isDense, memoryDims, rowMajor } from './layout';

/** The value whose memory lies as `from`, as a tensor of layout `to` sees it. */
export function view(graph: Graph, value: Value, from: Layout, to: Layout): Value {
  return graph.once(value, `view ${describe(from)} ${describe(to)}`, () => {
    const asItIs: Source = { layout: { ...from, offset: 0 }, make: () => value };
    for (const { layout, make } of [asItIs, split(graph, value, from, to), merged(graph, value, from, to)]) {
      const plan = layout && alongDims(layout, { ...to, offset: to.offset - from.offset });
      if (plan) return build(graph, make(), plan, to);
    }
    const part = cut(graph, value, from, to);
    if (part) return part;
    throw cannotExport({
      expected: 'views made of reshape, permute, slice and expand',
      found: `one of shape ${formatShape(to.shape)}, strides ${formatShape(to.strides)} and offset ${to.offset} of a tensor of shape ${formatShape(from.shape)} and strides ${formatShape(from.strides)}${graph.scope && ` in '${graph.scope}'`}`,
      fix: 'Put a contiguous() between the operations that make this view, or use a step that divides the size it runs over.',
    });
  });
}

/** A way to see the source before the view is taken: a dense layout of its memory, if there is one, and its value. */
interface Source {
  readonly layout: Layout | undefined;
  readonly make: () => Value;
}

/** Its dims split where strides of the view fall inside of them. */
function split(graph: Graph, value: Value, from: Layout, to: Layout): Source {
  const steps = stepsOf(to);
  const shape: number[] = [];
  const strides: number[] = [];
  from.shape.forEach((n, d) => {
    const stride = from.strides[d];
    let rest = stride * n;
    for (const step of [...steps.filter((s) => s > stride && s < stride * n), stride]) {
      shape.push(rest / step);
      strides.push(step);
      rest = step;
    }
  });
  const layout = shape.every(Number.isInteger) ? { shape, strides, offset: 0 } : undefined;
  return { layout, make: () => graph.reshape(value, shape) };
}

/** Its memory, row-major, with a dim for each stride of the view. */
function merged(graph: Graph, value: Value, from: Layout, to: Layout): Source {
  const shape: number[] = [];
  let rest = numel(from.shape);
  for (const step of new Set([...stepsOf(to), 1])) {
    shape.push(rest / step);
    rest = step;
  }
  return {
    layout: isDense(from) && shape.every(Number.isInteger) ? rowMajor(shape) : undefined,
    make: () => graph.reshape(inMemoryOrder(graph, value, from), shape),
  };
}

/**
 * The view of a part of the source: a dim of which the view takes a part and splits that, such as the first 64 of 65 channels as 4 × 16,
 * is sliced first. Undefined where no dim is such.
 */
function cut(graph: Graph, value: Value, from: Layout, to: Layout): Value | undefined {
  const start = isDense(from) ? indexOf(to.offset - from.offset, from) : undefined;
  if (!start) return undefined;
  const dims = memoryDims(from);
  const shape = [...from.shape];
  /** Along which dim of the source a dim of the view runs, and how far a step goes there. */
  const runs = to.strides.map((stride, j) => {
    const dim = dims.find((d) => from.strides[d] <= stride);
    if (to.shape[j] === 1 || dim === undefined) return undefined;
    return { dim, step: stride / from.strides[dim], last: to.shape[j] - 1 };
  });
  for (const dim of dims) {
    const within = runs.filter((run) => run?.dim === dim) as { step: number; last: number }[];
    const step = Math.max(...within.map((run) => run.step));
    if (within.length < 2 || (shape[dim] % step === 0 && start[dim] % step === 0)) continue;
    const length = within.reduce((sum, run) => sum + run.last * run.step, 1);
    shape[dim] = Math.ceil(length / step) * step;
    if (!Number.isInteger(step) || start[dim] + shape[dim] > from.shape[dim]) return undefined;
  }
  const isCut = shape.map((n, d) => n !== from.shape[d]);
  if (!isCut.includes(true)) return undefined;
  const whole = new Map(shape.map((_, dim) => [dim, { dim, step: 1 }]));
  const first = start.map((at, d) => (isCut[d] ? at : 0));
  const part = slice(graph, value, { start: first, runs: whole }, shape);
  // It lies as the source does, without what was cut off.
  const strides = [...from.strides];
  let next = 1;
  for (const dim of [...dims].reverse()) {
    strides[dim] = next;
    next *= shape[dim];
  }
  const offset = start.reduce((sum, at, d) => sum + (isCut[d] ? 0 : at * strides[d]), 0);
  return view(
    graph,
    part,
    { shape, strides, offset: 0 },
    {
      shape: to.shape,
      strides: to.strides.map((stride, j) => {
        const run = runs[j];
        return run ? run.step * strides[run.dim] : stride;
      }),
      offset,
    },
  );
}

/** The strides that a view moves in, the largest first. */
function stepsOf({ shape, strides }: Layout): number[] {
  return [...new Set(strides.filter((s, j) => s > 0 && shape[j] !== 1))].sort((a, b) => b - a);
}

/** A view each of whose dims runs along one dim of the source, is repeated, or is of one element. */
interface Plan {
  /** Of the first element, along each dim of the source. */
  readonly start: readonly number[];
  /** By the dim of the view. */
  readonly runs: ReadonlyMap<number, { readonly dim: number; readonly step: number }>;
}

function alongDims(from: Layout, to: Layout): Plan | undefined {
  const start = isDense(from) ? indexOf(to.offset, from) : undefined;
  if (!start) return undefined;
  const sources = memoryDims(from);
  const runs = new Map<number, { dim: number; step: number }>();
  for (let j = 0; j < to.shape.length; j++) {
    if (to.shape[j] === 1 || to.strides[j] === 0) continue;
    const dim = sources.find((i) => from.strides[i] <= to.strides[j]);
    if (dim === undefined || [...runs.values()].some((r) => r.dim === dim)) return undefined;
    const step = to.strides[j] / from.strides[dim];
    if (!Number.isInteger(step) || start[dim] + (to.shape[j] - 1) * step >= from.shape[dim]) return undefined;
    runs.set(j, { dim, step });
  }
  return { start, runs };
}

/** Slices, a transposition, a reshape that adds and drops dims of one element, repetition: what of them it takes. */
function build(graph: Graph, value: Value, plan: Plan, to: Layout): Value {
  const { dtype } = value;
  const sliced = slice(graph, value, plan, to.shape);
  const moving = [...plan.runs.values()].map((r) => r.dim);
  const inOrder = moving.every((dim, k) => k === 0 || moving[k - 1] < dim);
  const turned = inOrder
    ? sliced
    : graph.transpose(sliced, completeOrder(plan, to.shape, sliced.shape.length));
  const repeated = to.shape.map((n, j) => n !== 1 && to.strides[j] === 0);
  const once = to.shape.map((n, j) => (repeated[j] ? 1 : n));
  const shaped = graph.reshape(turned, once);
  if (!repeated.includes(true)) return shaped;
  // A size of 1 in the shape that Expand is given leaves a dim as it is.
  const repeats = to.shape.map((n, j) => (repeated[j] ? n : 1));
  return graph.node('Expand', [shaped, graph.ints(repeats)], { shape: to.shape, dtype });
}

function slice(graph: Graph, value: Value, { start, runs }: Plan, toShape: readonly number[]): Value {
  const byDim = new Map([...runs].map(([j, { dim, step }]) => [dim, { size: toShape[j], step }]));
  const cuts = value.shape.flatMap((size, dim) => {
    const run = byDim.get(dim) ?? { size: 1, step: 1 };
    return run.size === size ? [] : [{ dim, ...run }];
  });
  if (cuts.length === 0) return value;
  const within = partOf(value, cuts, start);
  if (within) return slice(graph, within.value, { start: within.start, runs }, toShape);
  const shape = [...value.shape];
  for (const { dim, size } of cuts) shape[dim] = size;
  const ends = cuts.map(({ dim, size, step }) => {
    const end = start[dim] + (size - 1) * step + 1;
    // What runs to the end does so for batches of any size.
    return end + step > value.shape[dim] ? END : end;
  });
  const lists = [cuts.map((c) => start[c.dim]), ends, cuts.map((c) => c.dim), cuts.map((c) => c.step)];
  return graph.node('Slice', [value, ...lists.map((list) => graph.ints(list))], {
    shape,
    dtype: value.dtype,
  });
}

const END = 2 ** 31 - 1;

/** The one part of a Concat that a slice lies in. */
function partOf(
  value: Value,
  cuts: readonly { readonly dim: number; readonly size: number; readonly step: number }[],
  start: readonly number[],
): { readonly value: Value; readonly start: readonly number[] } | undefined {
  const { op, attributes = {}, inputs = [] } = value.node ?? {};
  const { axis } = attributes as { axis?: { int: number } };
  const cut = op === 'Concat' ? cuts.find(({ dim }) => dim === axis?.int) : undefined;
  if (!cut) return undefined;
  const { dim, size, step } = cut;
  let at = start[dim];
  for (const part of inputs as Value[]) {
    const length = part.shape[dim];
    if (at < length)
      return at + (size - 1) * step < length
        ? { value: part, start: start.map((s, d) => (d === dim ? at : s)) }
        : undefined;
    at -= length;
  }
  return undefined;
}

/** The order of all dims for a transposition: dims of one element go where the view has such, if it has as many dims. */
function completeOrder({ runs }: Plan, toShape: readonly number[], rank: number): number[] {
  const moving = [...runs.values()].map((r) => r.dim);
  const rest = Array.from({ length: rank }, (_, i) => i).filter((i) => !moving.includes(i));
  if (toShape.length !== rank) return [...moving, ...rest];
  return toShape.map((_, j) => runs.get(j)?.dim ?? (rest.shift() as number));
}

function inMemoryOrder(graph: Graph, value: Value, from: Layout): Value {
  const order = memoryDims(from);
  if (order.every((d, k) => k === 0 || order[k - 1] < d)) return value;
  return graph.transpose(value, [...order, ...from.shape.map((_, i) => i).filter((i) => !order.includes(i))]);
}
