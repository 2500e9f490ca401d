import {
  ArgumentError,
  checkOptions,
  describe,
  type ResampleSource,
  requireFlag,
  requireOneOf,
} from '@octet/backend';
import { requireRank, requireTensor } from '../../kernel';
import type { Tensor } from '../../tensor';
import { adaptiveAvgPool1d, adaptiveAvgPool2d } from '../pool/adaptive-avg-pool2d';
import type { SpatialRank } from '../product/window';
import { resampled } from './resample2d';
import { type Taps, tapsOf } from './taps';

export type InterpolateMode = 'nearest' | 'nearest-exact' | 'linear' | 'bilinear' | 'bicubic' | 'area';

export interface InterpolateOptions {
  /** The size of the output, one number for all dims or [OH, OW] ([OL]); this or `scaleFactor`. */
  size?: number | readonly number[] | undefined;
  /** By how much the input grows; the sizes are rounded down. */
  scaleFactor?: number | readonly number[] | undefined;
  /** For rows [N, C, L] nearest, nearest-exact, linear and area; for images nearest, nearest-exact, bilinear, bicubic and area. */
  mode?: InterpolateMode;
  /** Of linear, bilinear and bicubic: whether the centres of the corners' pixels stay where they are, in the place of their edges. */
  alignCorners?: boolean | undefined;
  /** Whether the positions go by the quotient of the sizes rather than by `scaleFactor`. */
  recomputeScaleFactor?: boolean | undefined;
}

const KINDS: Readonly<Record<string, { rank?: SpatialRank; of: Omit<ResampleSource, 'scales'> }>> = {
  nearest: { of: { mode: 'nearest', coordinates: 'asymmetric' } },
  'nearest-exact': { of: { mode: 'nearest', coordinates: 'half_pixel' } },
  linear: { rank: 1, of: { mode: 'linear', coordinates: 'half_pixel' } },
  bilinear: { rank: 2, of: { mode: 'linear', coordinates: 'half_pixel' } },
  bicubic: { rank: 2, of: { mode: 'cubic', coordinates: 'half_pixel' } },
};

const OPTIONS = 'size scaleFactor mode alignCorners recomputeScaleFactor';

/**
 * x [N, C, H, W] or [N, C, L] in another size, as PyTorch's: rows and columns of the nearest places, or weighted sums of two (linear) or
 * four (cubic) of them. A quantized tensor keeps its scale and zero point; its linear sums are rounded half to even.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function interpolate(x: Tensor, options?: InterpolateOptions): Tensor {
  const op = 'interpolate';
  const {
    size,
    scaleFactor,
    mode = 'nearest',
    alignCorners,
    recomputeScaleFactor = false,
  } = checkOptions(op, options, OPTIONS);
  requireTensor(op, x);
  requireRank(op, 'x', x, 3, 4);
  const rank: SpatialRank = x.shape.length === 3 ? 1 : 2;
  requireFlag(op, 'recomputeScaleFactor', recomputeScaleFactor);
  const { to, factors } = sizesOf(x, rank, size, scaleFactor);
  if (size !== undefined && recomputeScaleFactor)
    refuse('no recomputeScaleFactor beside size', 'true', 'There is no scaleFactor to work out again.');
  if (mode === 'area') {
    if (alignCorners !== undefined) refuseAlignCorners(mode);
    return rank === 1 ? adaptiveAvgPool1d(x, [to[1]]) : adaptiveAvgPool2d(x, to);
  }
  requireOneOf(op, 'mode', mode, [...Object.keys(KINDS), 'area']);
  const kind = KINDS[mode];
  if (kind.rank && kind.rank !== rank) {
    const names = Object.keys(KINDS).filter((name) => (KINDS[name].rank ?? rank) === rank);
    const what = rank === 1 ? 'rows [N, C, L]' : 'images [N, C, H, W]';
    refuse(
      `a mode for ${what}: ${names.join(', ')} or area`,
      `'${mode}'`,
      'linear is for rows, bilinear for images.',
    );
  }
  if (alignCorners !== undefined) {
    if (kind.of.mode === 'nearest') refuseAlignCorners(mode);
    requireFlag(op, 'alignCorners', alignCorners);
  }
  if (x.qparams && kind.of.mode === 'cubic')
    refuse('nearest or bilinear for a quantized tensor', `'${mode}'`, 'dequantize() first.');
  const of = alignCorners ? { ...kind.of, coordinates: 'align_corners' as const } : kind.of;
  const sizes = rank === 1 ? [1, x.shape[2]] : x.shape.slice(2);
  const given = recomputeScaleFactor ? undefined : factors;
  const taps = sizes.map((from, d): Taps => {
    if (from === 0)
      refuse(
        'an image of at least one row and column',
        `${x.shape.slice(2).join(' × ')}`,
        'Check the input.',
      );
    return tapsOf({ ...of, from, to: to[d], scale: scaleOf(from, to[d], given?.[d], alignCorners) });
  });
  const scales = given?.some((f, d) => f * sizes[d] !== to[d]) ? { scales: given } : {};
  return resampled(op, rank, x, taps[0], taps[1], to, { ...of, ...scales });
}

function scaleOf(from: number, to: number, factor: number | undefined, alignCorners = false): number {
  if (alignCorners) return to > 1 ? Math.fround((from - 1) / (to - 1)) : 0;
  return Math.fround(factor === undefined ? from / to : 1 / factor);
}

/** The output's sizes, of an image; and by how much it grows, if that is what was given. */
function sizesOf(
  x: Tensor,
  rank: SpatialRank,
  size: InterpolateOptions['size'],
  scaleFactor: InterpolateOptions['scaleFactor'],
): { to: readonly [number, number]; factors: readonly [number, number] | undefined } {
  if ((size === undefined) === (scaleFactor === undefined)) {
    const found = size === undefined ? 'neither' : 'both';
    refuse('size or scaleFactor', found, 'Say one of them: { scaleFactor: 2 }.');
  }
  const name = size === undefined ? 'scaleFactor' : 'size';
  const value = size ?? scaleFactor;
  const list: readonly unknown[] = Array.isArray(value) ? value : new Array<unknown>(rank).fill(value);
  const fits = (v: unknown) =>
    typeof v === 'number' && v > 0 && (name === 'size' ? Number.isInteger(v) : Number.isFinite(v));
  if (list.length !== rank || !list.every(fits)) {
    const what = name === 'size' ? 'whole numbers >= 1' : 'numbers > 0';
    refuse(`${name}: ${rank} ${what}, or one for all`, describe(value), `Correct '${name}'.`);
  }
  const numbers = list as readonly number[];
  if (name === 'size') return { to: [rank === 1 ? 1 : numbers[0], numbers[rank - 1]], factors: undefined };
  const grown = numbers.map((factor, d) => Math.floor(x.shape[d + 2] * factor));
  if (grown.some((n) => n < 1))
    refuse('an output of at least one row and column', grown.join(' × '), 'Use a larger scaleFactor.');
  return {
    to: [rank === 1 ? 1 : grown[0], grown[rank - 1]],
    factors: [rank === 1 ? 1 : numbers[0], numbers[rank - 1]],
  };
}

function refuseAlignCorners(mode: string): never {
  return refuse('alignCorners for linear, bilinear or bicubic', `mode '${mode}'`, 'Leave it out.');
}

function refuse(expected: string, found: string, fix: string): never {
  throw new ArgumentError({ op: 'interpolate', expected, found, fix });
}
