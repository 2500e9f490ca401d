import { ArgumentError, numel, requireList, requireOneOf, ShapeError } from '@octet/backend';

/** Where the elements of a tensor lie in its storage; strides and offset count elements. */
export interface Layout {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}

/** `channelsLast` keeps the logical NCHW shape and stores NHWC. */
export type MemoryFormat = 'contiguous' | 'channelsLast';

export { numel };

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/** Strides that store `shape` densely, the dims in `order` from slowest to fastest. */
export function stridesInOrder(shape: readonly number[], order: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = order.length - 1; i >= 0; i--) {
    strides[order[i]] = step;
    step *= shape[order[i]];
  }
  return strides;
}

export function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = step;
    step *= shape[d];
  }
  return strides;
}

/** @throws ArgumentError for another format; ShapeError for channelsLast unless the rank is 4. */
export function formatStrides(op: string, shape: readonly number[], format: MemoryFormat): number[] {
  requireOneOf(op, 'memoryFormat', format, ['contiguous', 'channelsLast']);
  if (format === 'contiguous') return contiguousStrides(shape);
  if (shape.length !== 4) {
    throw new ShapeError({
      op,
      expected: 'a tensor of 4 dimensions (N, C, H, W) for channelsLast',
      found: formatShape(shape),
      fix: 'channelsLast is for image batches: add a batch dimension with unsqueeze(0), or use contiguous().',
    });
  }
  return stridesInOrder(shape, [0, 2, 3, 1]);
}

/** Equal strides where they matter: dims of one element may have any. */
export function sameStrides(shape: readonly number[], a: readonly number[], b: readonly number[]): boolean {
  return shape.every((d, i) => d === 1 || a[i] === b[i]);
}

/** The dims from slowest to fastest in memory; dims of one element stay where they stand among their neighbours. */
export function memoryOrder(shape: readonly number[], strides: readonly number[]): number[] {
  const order = shape.map((_, i) => i);
  const moving = order.filter((i) => shape[i] !== 1).sort((a, b) => strides[b] - strides[a] || a - b);
  let next = 0;
  return order.map((i) => (shape[i] === 1 ? i : moving[next++]));
}

/** Whether the elements fill a block of memory without gap or overlap, in whatever order of dims. */
export function isDense(shape: readonly number[], strides: readonly number[]): boolean {
  const elements = numel(shape);
  if (elements === 0) return true;
  // The innermost dim has stride 1, the next one the size of that, and so on. Loops that allocate nothing: each op comes by here.
  let step = 1;
  while (step < elements) {
    let next = shape.length - 1;
    while (next >= 0 && (strides[next] !== step || shape[next] === 1)) next--;
    if (next < 0) return false;
    step *= shape[next];
  }
  return true;
}

/**
 * The shape that both broadcast to, as NumPy and PyTorch do it.
 * @throws ShapeError if they don't fit.
 */
export function broadcastShapes(op: string, a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const da = a[a.length - i] ?? 1;
    const db = b[b.length - i] ?? 1;
    if (da !== db && da !== 1 && db !== 1) {
      throw new ShapeError({
        op,
        expected: 'shapes that broadcast: equal from the right, or 1, or absent',
        found: `${formatShape(a)} and ${formatShape(b)}`,
        fix: `The sizes ${da} and ${db} at dimension ${-i} differ: reshape or unsqueeze one of them.`,
      });
    }
    out[rank - i] = da === 1 ? db : da;
  }
  return out;
}

/** @throws ArgumentError if `dim` is outside -rank … rank - 1. */
export function normalizeDim(op: string, dim: number, rank: number): number {
  const d = dim < 0 ? dim + rank : dim;
  if (!Number.isInteger(dim) || d < 0 || d >= rank) {
    throw new ArgumentError({
      op,
      expected: rank === 0 ? 'a tensor with dimensions' : `a dim from ${-rank} to ${rank - 1}`,
      found: String(dim),
      fix: `The tensor has ${rank} dimension${rank === 1 ? '' : 's'}.`,
    });
  }
  return d;
}

/** Sorted distinct dims; undefined means all. */
export function normalizeDims(
  op: string,
  dims: number | readonly number[] | undefined,
  rank: number,
): number[] {
  if (dims === undefined) return Array.from({ length: rank }, (_, i) => i);
  if (typeof dims === 'number') return [normalizeDim(op, dims, rank)];
  const out = requireList(op, 'dims', dims).map((d) => normalizeDim(op, d, rank));
  if (out.length === 1) return out;
  if (new Set(out).size !== out.length) {
    throw new ArgumentError({
      op,
      expected: 'distinct dims',
      found: `[${dims}]`,
      fix: 'Name each dim once.',
    });
  }
  return out.sort((a, b) => a - b);
}

/** @throws ShapeError unless every size is a whole number >= 0. */
export function checkShape(op: string, shape: readonly number[]): void {
  if (!Array.isArray(shape) || shape.some((d) => !Number.isInteger(d) || d < 0)) {
    throw new ShapeError({
      op,
      expected: 'a shape: an array of whole numbers >= 0',
      found: Array.isArray(shape) ? formatShape(shape) : String(shape),
      fix: 'Pass the sizes as one array, as in zeros([2, 3]).',
    });
  }
}

/** A copy of a shape or strides with `value` at `dim`. */
export function replaced(list: readonly number[], dim: number, value: number): number[] {
  return list.map((v, i) => (i === dim ? value : v));
}

/** A copy with `value` put in front of `dim`. */
export function inserted(list: readonly number[], dim: number, value: number): number[] {
  return [...list.slice(0, dim), value, ...list.slice(dim)];
}

/** A copy without `dim`. */
export function removed(list: readonly number[], dim: number): number[] {
  return list.filter((_, i) => i !== dim);
}
