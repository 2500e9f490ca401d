/** Elements in other places: repeated, reversed, shifted, shuffled. Made of views, copies and gathers. */
import { ArgumentError, requireList, ShapeError } from '@octet/backend';
import { fromData } from '../../factory';
import { requireRank, requireTensor } from '../../kernel';
import { formatShape, normalizeDim, normalizeDims } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { requirePlain } from '../indexing/axis';
import { indexSelect } from '../indexing/index-select';
import { cat } from './cat';
import { contiguous } from './contiguous';
import { expand } from './expand';
import { permute } from './permute';
import { reshape } from './reshape';
import { select } from './select';
import { slice } from './slice';

function requireCount(op: string, name: string, value: number, least = 0): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new ArgumentError({
    op,
    expected: `${name} to be a whole number of at least ${least}`,
    found: String(value),
    fix: 'Check it.',
  });
}

/**
 * x repeated so many times along each dim; the counts are those of the last dims, and more of them than x has make new dims in front.
 * @throws ArgumentError for counts that are no whole numbers
 */
export function tile(x: Tensor, counts: readonly number[]): Tensor {
  return repeated('tile', x, counts);
}

/** The same, with a count for every dim at least. @throws ArgumentError, ShapeError for fewer counts than dims */
export function repeat(x: Tensor, counts: readonly number[]): Tensor {
  requireTensor('repeat', x);
  requireList('repeat', 'counts', counts);
  if (counts.length < x.shape.length) {
    throw new ShapeError({
      op: 'repeat',
      expected: `a count for each dim of ${formatShape(x.shape)}`,
      found: `[${counts}]`,
      fix: 'Use tile, which takes those of the last dims.',
    });
  }
  return repeated('repeat', x, counts);
}

function repeated(name: string, x: Tensor, counts: readonly number[]): Tensor {
  requireTensor(name, x);
  requireList(name, 'counts', counts);
  for (const count of counts) requireCount(name, 'each count', count);
  return tidy(() => {
    const rank = Math.max(counts.length, x.shape.length);
    const shape = [...new Array<number>(rank - x.shape.length).fill(1), ...x.shape];
    const times = [...new Array<number>(rank - counts.length).fill(1), ...counts];
    const apart = reshape(
      x,
      shape.flatMap((n) => [1, n]),
    );
    return reshape(
      expand(
        apart,
        shape.flatMap((n, d) => [times[d], n]),
      ),
      shape.map((n, d) => n * times[d]),
    );
  });
}

/** Each entry of a dim so many times in a row; without a dim, of the flattened x. @throws ArgumentError */
export function repeatInterleave(x: Tensor, count: number, dim?: number): Tensor {
  requireTensor('repeatInterleave', x);
  requireCount('repeatInterleave', 'the count', count);
  return tidy(() => {
    const source = dim === undefined ? reshape(x, [x.numel]) : x;
    const d = normalizeDim('repeatInterleave', dim ?? 0, source.shape.length);
    const { shape } = source;
    const [before, after] = [shape.slice(0, d + 1), shape.slice(d + 1)];
    const apart = expand(reshape(source, [...before, 1, ...after]), [...before, count, ...after]);
    return reshape(
      apart,
      shape.map((n, i) => (i === d ? n * count : n)),
    );
  });
}

/** x with the order along some dims reversed. @throws ArgumentError for a dim out of range */
export function flip(x: Tensor, dims: number | readonly number[]): Tensor {
  requireTensor('flip', x);
  requirePlain('flip', x);
  const over = normalizeDims('flip', dims, x.shape.length);
  if (over.length === 0) return x;
  return tidy(() =>
    over.reduce((t, d) => {
      const n = t.shape[d];
      return indexSelect(
        t,
        d,
        numbers(t, n, (i) => n - 1 - i),
      );
    }, x),
  );
}

function numbers(x: Tensor, n: number, f: (i: number) => number): Tensor {
  return fromData(
    Int32Array.from({ length: n }, (_, i) => f(i)),
    [n],
    { backend: x.backend },
  );
}

/**
 * x shifted along dims, what falls off one end coming in at the other; without dims, of the flattened x.
 * @throws ArgumentError for a dim out of range, or lists of different length
 */
export function roll(
  x: Tensor,
  shifts: number | readonly number[],
  dims?: number | readonly number[],
): Tensor {
  requireTensor('roll', x);
  if (dims === undefined) return tidy(() => reshape(roll(reshape(x, [x.numel]), shifts, 0), x.shape));
  const [by, over] = [[shifts].flat(), [dims].flat()] as [number[], number[]];
  if (by.length !== over.length || by.some((s) => !Number.isInteger(s))) {
    throw new ArgumentError({
      op: 'roll',
      expected: 'a whole number for each dim',
      found: `[${by}] for [${over}]`,
      fix: 'Give as many shifts as dims.',
    });
  }
  return tidy(() =>
    over.reduce((t, dim, i) => {
      const d = normalizeDim('roll', dim, x.shape.length);
      const n = t.shape[d];
      const at = n === 0 ? 0 : ((-by[i] % n) + n) % n;
      return at === 0 ? t : cat([slice(t, d, at), slice(t, d, 0, at)], d);
    }, x),
  );
}

/** Images [N, C·r², H, W] as [N, C, H·r, W·r], by channels that become neighbours. @throws ShapeError, ArgumentError */
export function pixelShuffle(x: Tensor, factor: number): Tensor {
  requireTensor('pixelShuffle', x);
  requireRank('pixelShuffle', 'x', x, 4);
  requireCount('pixelShuffle', 'the factor', factor, 1);
  const [n, c, h, w] = x.shape;
  requireDivisible('pixelShuffle', x, c, factor * factor);
  const channels = c / (factor * factor);
  return tidy(() => {
    const apart = reshape(x, [n, channels, factor, factor, h, w]);
    return reshape(permute(apart, [0, 1, 4, 2, 5, 3]), [n, channels, h * factor, w * factor]);
  });
}

/** The way back: [N, C, H·r, W·r] as [N, C·r², H, W]. @throws ShapeError, ArgumentError */
export function pixelUnshuffle(x: Tensor, factor: number): Tensor {
  requireTensor('pixelUnshuffle', x);
  requireRank('pixelUnshuffle', 'x', x, 4);
  requireCount('pixelUnshuffle', 'the factor', factor, 1);
  const [n, c, h, w] = x.shape;
  requireDivisible('pixelUnshuffle', x, h, factor);
  requireDivisible('pixelUnshuffle', x, w, factor);
  const [rows, columns] = [h / factor, w / factor];
  return tidy(() => {
    const apart = reshape(x, [n, c, rows, factor, columns, factor]);
    return reshape(permute(apart, [0, 1, 3, 5, 2, 4]), [n, c * factor * factor, rows, columns]);
  });
}

function requireDivisible(op: string, x: Tensor, size: number, by: number): void {
  if (size % by === 0) return;
  throw new ShapeError({
    op,
    expected: `a size that ${by} divides`,
    found: `${size} of ${formatShape(x.shape)}`,
    fix: 'Pad or crop it, or choose another factor.',
  });
}

/** Channels [N, C, …] of the groups in turn: the first of each, then the second. @throws ShapeError, ArgumentError */
export function channelShuffle(x: Tensor, groups: number): Tensor {
  requireTensor('channelShuffle', x);
  requireCount('channelShuffle', 'groups', groups, 1);
  const [n, c, ...spatial] = x.shape;
  if (x.shape.length < 3) requireRank('channelShuffle', 'x', x, 3, 4);
  requireDivisible('channelShuffle', x, c, groups);
  return tidy(() => {
    const apart = reshape(x, [n, groups, c / groups, ...spatial]);
    const order = apart.shape.map((_, i) => (i === 1 ? 2 : i === 2 ? 1 : i));
    return reshape(permute(apart, order), x.shape);
  });
}

/** Parts of so many entries along `dim`, the last may have fewer; or of the sizes listed. Views. @throws ArgumentError */
export function split(x: Tensor, size: number | readonly number[], dim = 0): Tensor[] {
  requireTensor('split', x);
  const d = normalizeDim('split', dim, x.shape.length);
  const n = x.shape[d];
  if (typeof size === 'number') requireCount('split', 'the size', size, 1);
  const sizes =
    typeof size === 'number'
      ? Array.from({ length: Math.max(1, Math.ceil(n / size)) }, (_, i) => Math.min(size, n - i * size))
      : requireList('split', 'size', size);
  if (sizes.reduce((a, b) => a + b, 0) !== n || sizes.some((s) => s < 0)) {
    throw new ArgumentError({
      op: 'split',
      expected: `sizes that add up to ${n}`,
      found: `[${sizes}]`,
      fix: 'Each entry belongs to one part.',
    });
  }
  let at = 0;
  return sizes.map((s) => {
    at += s;
    return slice(x, d, at - s, at);
  });
}

/** The entries of a dim one by one, without it. Views. @throws ArgumentError for a dim out of range */
export function unbind(x: Tensor, dim = 0): Tensor[] {
  requireTensor('unbind', x);
  const d = normalizeDim('unbind', dim, x.shape.length);
  return Array.from({ length: x.shape[d] }, (_, i) => select(x, d, i));
}

/** `length` entries of a dim from `start` on. A view. @throws ArgumentError for what lies outside */
export function narrow(x: Tensor, dim: number, start: number, length: number): Tensor {
  requireTensor('narrow', x);
  const d = normalizeDim('narrow', dim, x.shape.length);
  const n = x.shape[d];
  const from = start < 0 ? start + n : start;
  if (!(Number.isInteger(from) && Number.isInteger(length)) || from < 0 || length < 0 || from + length > n) {
    throw new ArgumentError({
      op: 'narrow',
      expected: `entries within 0 to ${n}`,
      found: `${length} from ${start} on`,
      fix: 'slice clips what lies outside.',
    });
  }
  return slice(x, d, from, from + length);
}

/**
 * The elements of a diagonal of matrices: x [.., rows, columns] → [.., n], of those `offset` to the right of the main one.
 * @throws ShapeError, ArgumentError
 */
export function diagonal(x: Tensor, offset = 0): Tensor {
  requireTensor('diagonal', x);
  requirePlain('diagonal', x);
  if (!Number.isInteger(offset)) requireCount('diagonal', 'the offset', offset);
  if (x.shape.length < 2) requireRank('diagonal', 'x', x, 2, 3, 4);
  const lead = x.shape.slice(0, -2);
  const [rows, columns] = x.shape.slice(-2);
  const [row, column] = [Math.max(0, -offset), Math.max(0, offset)];
  const n = Math.max(0, Math.min(rows - row, columns - column));
  return tidy(() => {
    const flat = reshape(x, [...lead, rows * columns]);
    return indexSelect(
      flat,
      -1,
      numbers(x, n, (i) => (row + i) * columns + column + i),
    );
  });
}

/** Windows of `size` entries along a dim, `step` apart, as a new last dim. @throws ArgumentError for windows longer than the dim */
export function windows(x: Tensor, dim: number, size: number, step: number): Tensor {
  requireTensor('windows', x);
  requirePlain('windows', x);
  const d = normalizeDim('windows', dim, x.shape.length);
  requireCount('windows', 'the size', size, 1);
  requireCount('windows', 'the step', step, 1);
  const count = Math.floor((x.shape[d] - size) / step) + 1;
  if (count < 1) {
    throw new ArgumentError({
      op: 'windows',
      expected: `windows of at most ${x.shape[d]}, the size of dim ${d}`,
      found: String(size),
      fix: 'Pad it, or take smaller windows.',
    });
  }
  return tidy(() => {
    const taken = indexSelect(
      x,
      d,
      numbers(x, count * size, (i) => Math.floor(i / size) * step + (i % size)),
    );
    const shape = [...x.shape.slice(0, d), count, size, ...x.shape.slice(d + 1)];
    const order = shape.map((_, i) => i).filter((i) => i !== d + 1);
    return contiguous(permute(reshape(taken, shape), [...order, d + 1]));
  });
}
