import { tensor } from '../../factory';
import { requireFloat, requireRank, requireTensor } from '../../kernel';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { indexSelect } from '../indexing/index-select';
import { asImage, type PairLike, type SingleLike, type SpatialRank, sizePair } from '../product/window';
import { requireEightBits } from '../quantized/lookup';
import { resampled } from '../resample/resample2d';
import { flatten } from '../shape/flatten';
import { reshape } from '../shape/reshape';
import { maxPool, maxPoolWithIndices } from './max-pool2d';

/**
 * The maxima of x [N, C, H, W] in `outputSize` windows: cell i of n covers rows floor(i · H / n) to ceil((i + 1) · H / n), columns
 * alike. A quantized tensor keeps its scale and zero point.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function adaptiveMaxPool2d(x: Tensor, outputSize: PairLike): Tensor {
  return adaptiveMaxPool('adaptiveMaxPool2d', 2, x, outputSize);
}

/**
 * The maxima of x [N, C, L] in `outputSize` windows: cell i of n covers positions floor(i · L / n) to ceil((i + 1) · L / n). A
 * quantized tensor keeps its scale and zero point.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function adaptiveMaxPool1d(x: Tensor, outputSize: SingleLike): Tensor {
  return adaptiveMaxPool('adaptiveMaxPool1d', 1, x, outputSize);
}

/**
 * adaptiveMaxPool2d(x, outputSize), and the place h · W + w of each maximum in its image, the first of equals: int32, of the same shape.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function adaptiveMaxPool2dWithIndices(x: Tensor, outputSize: PairLike): [y: Tensor, indices: Tensor] {
  return adaptiveMaxPoolWithIndices('adaptiveMaxPool2dWithIndices', 2, x, outputSize);
}

/**
 * adaptiveMaxPool1d(x, outputSize), and the place of each maximum in its row, the first of equals: int32, of the same shape.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function adaptiveMaxPool1dWithIndices(
  x: Tensor,
  outputSize: SingleLike,
): [y: Tensor, indices: Tensor] {
  return adaptiveMaxPoolWithIndices('adaptiveMaxPool1dWithIndices', 1, x, outputSize);
}

function adaptiveMaxPool(
  name: string,
  rank: SpatialRank,
  x: Tensor,
  outputSize: PairLike | SingleLike,
): Tensor {
  requireTensor(name, x);
  if (x.qparams) requireEightBits(name, x);
  else requireFloat(name, x);
  return tidy(() => {
    const { image, windows } = evenly(name, rank, x, outputSize);
    return maxPool(name, rank, image, sizesOf(windows, rank), {});
  });
}

function adaptiveMaxPoolWithIndices(
  name: string,
  rank: SpatialRank,
  x: Tensor,
  outputSize: PairLike | SingleLike,
): [y: Tensor, indices: Tensor] {
  requireFloat(name, x);
  return tidy(() => {
    const { image, windows } = evenly(name, rank, x, outputSize);
    const [y, indices] = maxPoolWithIndices(name, rank, image, sizesOf(windows, rank), {});
    if (image === x) return [y, indices];
    const [rows, columns] = windows.map(({ places }) => places);
    const width = asImage(x).shape[3];
    const inX = new Int32Array(rows.length * columns.length);
    inX.forEach((_, i) => {
      inX[i] = rows[Math.floor(i / columns.length)] * width + columns[i % columns.length];
    });
    const table = tensor(inX, { backend: x.backend });
    return [y, reshape(indexSelect(table, 0, flatten(indices)), y.shape)];
  });
}

/** The windows along one dim, all made as large as the largest: the place in x of each row of them. */
interface Windows {
  readonly size: number;
  readonly places: Int32Array;
}

/** Windows of the size that x and the output give. The last place of a smaller one is there several times: the maximum is the same. */
function windowsAlong(from: number, to: number): Windows {
  const ends = Array.from(
    { length: to },
    (_, i) => [Math.floor((i * from) / to), Math.ceil(((i + 1) * from) / to)] as const,
  );
  const size = Math.max(...ends.map(([start, end]) => end - start));
  const places = ends.flatMap(([start, end]) =>
    Array.from({ length: size }, (_, k) => Math.min(start + k, end - 1)),
  );
  return { size, places: Int32Array.from(places) };
}

/** x with its rows and columns as often as windows of one size need them: itself where these don't overlap. */
function evenly(name: string, rank: SpatialRank, x: Tensor, outputSize: PairLike | SingleLike) {
  requireRank(name, 'x', x, rank + 2);
  const to = rank === 1 ? [1, ...sizePair(name, 'outputSize', outputSize, 1, 1).slice(1)] : outputSize;
  const cells = sizePair(name, 'outputSize', to as PairLike, 1, 2);
  const windows = asImage(x)
    .shape.slice(2)
    .map((from, d) => windowsAlong(from, cells[d]));
  const even = windows.every(({ places }) => places.every((at, i) => at === i));
  if (even) return { image: x, windows };
  const [rows, columns] = windows.map(({ places }) => ({
    index: places,
    weight: new Float32Array(places.length).fill(1),
  }));
  const size = [rows.index.length, columns.index.length] as const;
  return { image: resampled(name, rank, x, rows, columns, size), windows };
}

function sizesOf(windows: readonly Windows[], rank: SpatialRank): PairLike | SingleLike {
  return windows.map(({ size }) => size).slice(-rank) as unknown as PairLike | SingleLike;
}
