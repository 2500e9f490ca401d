import { ArgumentError, type ResampleSource } from '@octet/backend';
import { op } from '../../autograd';
import {
  channelsLast,
  emptyChannelsLast,
  nhwc,
  requireFloat,
  requireRank,
  requireTensor,
  run,
} from '../../kernel';
import { requirePerTensor } from '../../qparams';
import type { Tensor } from '../../tensor';
import { asImage, fromImage, type SpatialRank } from '../product/window';
import { requireEightBits } from '../quantized/lookup';
import { attrsOf, backwardAttrs, type Taps } from './taps';

/**
 * x [N, C, H, W] with each row made of those that `rows` says, times their weights, and columns alike: for `interpolate` and its like.
 * A quantized tensor keeps its scale and zero point.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function resample2d(x: Tensor, rows: Taps, columns: Taps, size: readonly [number, number]): Tensor {
  requireTensor('resample2d', x);
  requireRank('resample2d', 'x', x, 4);
  requireTaps(rows, x.shape[2], size[0]);
  requireTaps(columns, x.shape[3], size[1]);
  return resampled('resample2d', 2, x, rows, columns, size);
}

function requireTaps({ index, weight }: Taps, from: number, to: number): void {
  const fits =
    index.length === weight.length &&
    index.length >= to &&
    index.length % to === 0 &&
    index.every((i) => i >= 0 && i < from);
  if (fits) return;
  throw new ArgumentError({
    op: 'resample2d',
    expected: `as many places from 0 to ${from - 1} for each of ${to}, each with its weight`,
    found: `${index.length} places and ${weight.length} weights`,
    fix: 'Lists are [to, taps]; what has fewer taps has weights of 0.',
  });
}

/** `rank` 1: x is [N, C, L], and `rows` those of an image of height 1. */
export function resampled(
  name: string,
  rank: SpatialRank,
  x: Tensor,
  rows: Taps,
  columns: Taps,
  size: readonly [number, number],
  of?: ResampleSource,
): Tensor {
  if (x.qparams) requireEightBits(name, x);
  else requireFloat(name, x);
  const shape = [...x.shape.slice(0, 2), ...size];
  const attrs = attrsOf(rows, columns, of);
  return op(name, { x }, () => {
    const xc = channelsLast(asImage(x));
    const { shape: shapeX } = xc;
    const y = emptyChannelsLast(x, shape);
    if (x.qparams) {
      requirePerTensor(name, x.qparams);
      run('qresample2d', { x: nhwc(xc) }, { y: nhwc(y) }, attrs);
      return [fromImage(y, rank)];
    }
    run('resample2d', { x: nhwc(xc) }, { y: nhwc(y) }, attrs);
    return [
      fromImage(y, rank),
      (grad) => {
        const gradX = emptyChannelsLast(grad, shapeX);
        const gradY = nhwc(channelsLast(asImage(grad)));
        run(
          'resample2d',
          { x: gradY },
          { y: nhwc(gradX) },
          backwardAttrs(rows, columns, shapeX.slice(2), size),
        );
        return [fromImage(gradX, rank)];
      },
    ];
  });
}
