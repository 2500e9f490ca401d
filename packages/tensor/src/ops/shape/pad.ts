import {
  ArgumentError,
  checkOptions,
  type QuantizedDType,
  quantizeNumber,
  quantRange,
  requireList,
  requireOneOf,
  requireType,
  ShapeError,
} from '@octet/backend';
import { op } from '../../autograd';
import { copy_, fill_ } from '../../in-place';
import { emptyOn, requireRank, requireTensor } from '../../kernel';
import { formatShape, isDense, memoryOrder, stridesInOrder } from '../../layout';
import { requirePerTensor } from '../../qparams';
import type { Tensor } from '../../tensor';
import { resampled } from '../resample/resample2d';
import { slice } from './slice';

export interface PadOptions {
  /**
   * What is put around x: `value`; for rows [N, C, L] and images [N, C, H, W], around their last one or two dims, also x itself, mirrored at
   * its edges without repeating them (reflect), its edges (replicate), or what is at its other end (circular).
   */
  mode?: 'constant' | 'reflect' | 'replicate' | 'circular';
  /** For constant. */
  value?: number;
}

/**
 * x with something around it, by default 0: `pad` lists before and after of the last dim, then of the one before it, and so on, as
 * PyTorch's. Negative amounts cut off. The third argument may be the value.
 * @throws ShapeError, ArgumentError; DTypeError for other integers than of 8 bits in other modes than constant
 */
export function pad(x: Tensor, pad: readonly number[], options: number | PadOptions = 0): Tensor {
  const given = typeof options === 'number' ? { value: options } : checkOptions('pad', options, 'mode value');
  requireTensor('pad', x);
  requireList('pad', 'pad', pad);
  const { mode = 'constant', value = 0 } = given as PadOptions;
  requireOneOf('pad', 'mode', mode, ['constant', 'reflect', 'replicate', 'circular']);
  requireType('pad', 'value', value, 'number');
  if (mode !== 'constant') return padAround(x, pad, mode);
  const rank = x.shape.length;
  if (pad.length % 2 !== 0 || pad.length > 2 * rank || pad.some((p) => !Number.isInteger(p))) {
    throw new ArgumentError({
      op: 'pad',
      expected: `pairs of whole numbers, at most ${rank}: [before, after] of the last dim, then of the one before it, …`,
      found: `[${pad.join(', ')}]`,
      fix: 'For images: [left, right, top, bottom].',
    });
  }
  const before = x.shape.map((_, d) => pad[2 * (rank - 1 - d)] ?? 0);
  const after = x.shape.map((_, d) => pad[2 * (rank - 1 - d) + 1] ?? 0);
  const shape = x.shape.map((n, d) => n + before[d] + after[d]);
  if (shape.some((n) => n < 0)) {
    throw new ShapeError({
      op: 'pad',
      expected: 'no dim cut below 0',
      found: `${formatShape(x.shape)} with pad [${pad.join(', ')}]`,
      fix: 'Cut off less.',
    });
  }
  const order = isDense(x.shape, x.strides) ? memoryOrder(x.shape, x.strides) : shape.map((_, i) => i);
  const { shape: shapeX } = x;
  // The part of x that stays, and where it lies in the result.
  const inX = (t: Tensor) =>
    shapeX.reduce((v, n, d) => slice(v, d, Math.max(0, -before[d]), n + Math.min(0, after[d])), t);
  const inY = (t: Tensor) =>
    shape.reduce((v, n, d) => slice(v, d, Math.max(0, before[d]), n - Math.max(0, after[d])), t);
  return op('pad', { x }, () => {
    const y = emptyOn(x, shape, { strides: stridesInOrder(shape, order), qparams: x.qparams });
    fill_(y, stored(x, value));
    copy_(inY(y), inX(x));
    return [
      y,
      (grad) => {
        if (pad.every((p) => p >= 0)) return [inY(grad)];
        const whole = fill_(emptyOn(grad, shapeX), 0);
        copy_(inX(whole), inY(grad));
        return [whole];
      },
    ];
  });
}

/** The number as x stores it. */
function stored(x: Tensor, value: number): number {
  if (!x.qparams) return value;
  const { scale, zeroPoint } = requirePerTensor('pad', x.qparams);
  const [min, max] = quantRange[x.dtype as QuantizedDType];
  return Math.min(Math.max(quantizeNumber(value, scale, zeroPoint), min), max);
}

/** The places of x that lie where a dim is padded: before and after are its amounts. */
function places(mode: string, size: number, before: number, after: number): Int32Array {
  return Int32Array.from({ length: size + before + after }, (_, i) => {
    const at = i - before;
    if (mode === 'replicate') return Math.min(Math.max(at, 0), size - 1);
    if (mode === 'circular') return (at + size) % size;
    return at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at;
  });
}

/** Padded by itself: rows and columns taken once more. */
function padAround(x: Tensor, pads: readonly number[], mode: string): Tensor {
  requireRank('pad', 'x', x, 3, 4);
  const rank = x.shape.length === 3 ? 1 : 2;
  if (pads.length !== 2 * rank || pads.some((p) => !Number.isInteger(p))) {
    throw new ArgumentError({
      op: 'pad',
      expected: `${2 * rank} whole numbers: ${rank === 1 ? '[left, right]' : '[left, right, top, bottom]'}`,
      found: `[${pads.join(', ')}]`,
      fix: `mode '${mode}' is for the last dims of rows [N, C, L] and images [N, C, H, W].`,
    });
  }
  const sizes = rank === 1 ? [1, x.shape[2]] : x.shape.slice(2);
  const [left, right, top = 0, bottom = 0] = pads;
  const taps = (
    [
      [top, bottom],
      [left, right],
    ] as const
  ).map(([before, after], d) => {
    const size = sizes[d];
    // Of reflect the edge stays out of it; of circular all may be taken once.
    const most = mode === 'reflect' ? size - 1 : mode === 'circular' ? size : Number.POSITIVE_INFINITY;
    if (Math.max(before, after) > most || size + before + after < 1 || size < 1) {
      throw new ShapeError({
        op: 'pad',
        expected: `amounts of at most ${most} for a size of ${size}, and something left`,
        found: `${before} and ${after}`,
        fix: "Pad less, or with mode 'replicate'.",
      });
    }
    const index = places(mode, size, before, after);
    return { index, weight: new Float32Array(index.length).fill(1) };
  });
  const [rows, columns] = taps;
  return resampled('pad', rank, x, rows, columns, [rows.index.length, columns.index.length]);
}
