import { ArgumentError, checkOptions, type Pair, type PoolAttrs, requireFlag } from '@octet/backend';
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
import type { Tensor } from '../../tensor';
import {
  asImage,
  convOutputSize,
  fromImage,
  type PairLike,
  type SingleLike,
  type SpatialRank,
  sizePair,
  type WindowOptions,
  windowAttrs,
} from '../product/window';
import { requireEightBits } from '../quantized/lookup';

/** Of a pool; `stride` is kernelSize unless given. */
export interface PoolOptions<Size> extends WindowOptions<Size> {
  /** Whether a last window may hang over the end of the image: sizes are rounded up. */
  ceilMode?: boolean;
}

/** `stride` is kernelSize unless given. */
export type MaxPool2dOptions = PoolOptions<PairLike>;

/** `stride` is kernelSize unless given. */
export type MaxPool1dOptions = PoolOptions<SingleLike>;

type Size = PairLike | SingleLike;

/**
 * The maximum of each window of x [N, C, H, W]; padding never wins. On a quantized tensor it works on the integers.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function maxPool2d(x: Tensor, kernelSize: PairLike, options?: MaxPool2dOptions): Tensor {
  return maxPool('maxPool2d', 2, x, kernelSize, checkOptions('maxPool2d', options, OPTIONS));
}

/**
 * The maximum of each window of x [N, C, L]; padding never wins. On a quantized tensor it works on the integers.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function maxPool1d(x: Tensor, kernelSize: SingleLike, options?: MaxPool1dOptions): Tensor {
  return maxPool('maxPool1d', 1, x, kernelSize, checkOptions('maxPool1d', options, OPTIONS));
}

const OPTIONS = 'stride padding dilation ceilMode';

/**
 * maxPool2d(x, kernelSize, options), and the place h · W + w of each maximum in its image, the first of equals: int32, of the same shape.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function maxPool2dWithIndices(
  x: Tensor,
  kernelSize: PairLike,
  options?: MaxPool2dOptions,
): [y: Tensor, indices: Tensor] {
  const name = 'maxPool2dWithIndices';
  return maxPoolWithIndices(name, 2, x, kernelSize, checkOptions(name, options, OPTIONS));
}

/**
 * maxPool1d(x, kernelSize, options), and the place of each maximum in its row, the first of equals: int32, of the same shape.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function maxPool1dWithIndices(
  x: Tensor,
  kernelSize: SingleLike,
  options?: MaxPool1dOptions,
): [y: Tensor, indices: Tensor] {
  const name = 'maxPool1dWithIndices';
  return maxPoolWithIndices(name, 1, x, kernelSize, checkOptions(name, options, OPTIONS));
}

export function maxPoolWithIndices(
  name: string,
  rank: SpatialRank,
  x: Tensor,
  kernelSize: Size,
  window: PoolOptions<Size>,
): [y: Tensor, indices: Tensor] {
  requireFloat(name, x);
  const { shape } = poolShape(name, rank, x, kernelSize, window);
  const indices = emptyChannelsLast(x, shape, { dtype: 'int32' });
  return [maxPool(name, rank, x, kernelSize, window, indices), fromImage(indices, rank)];
}

/** `into`: where the places of the maxima are written, an image of the output's shape. */
export function maxPool(
  name: string,
  rank: SpatialRank,
  x: Tensor,
  kernelSize: Size,
  window: PoolOptions<Size>,
  into?: Tensor,
): Tensor {
  requireTensor(name, x);
  if (x.qparams) requireEightBits(name, x);
  else requireFloat(name, x);
  const { shape, attrs } = poolShape(name, rank, x, kernelSize, window);
  return op(name, { x }, (save) => {
    const xc = channelsLast(asImage(x));
    const { shape: shapeX } = xc;
    const y = emptyChannelsLast(x, shape);
    if (x.qparams) {
      run('qmaxPool2d', { x: nhwc(xc) }, { y: nhwc(y) }, attrs);
      return [fromImage(y, rank)];
    }
    const indices = into ?? emptyChannelsLast(x, shape, { dtype: 'int32' });
    run('maxPool2d', { x: nhwc(xc) }, { y: nhwc(y), indices: nhwc(indices) }, attrs);
    const saved = save(indices);
    return [
      fromImage(y, rank),
      (grad) => {
        const gradX = emptyChannelsLast(grad, shapeX);
        run(
          'maxPool2dBackward',
          { gradY: nhwc(channelsLast(asImage(grad))), indices: nhwc(saved) },
          { gradX: nhwc(gradX) },
          {},
        );
        return [fromImage(gradX, rank)];
      },
    ];
  });
}

/** The shape of the image that a pool gives, and the kernel's attributes. */
export function poolShape(
  op: string,
  rank: SpatialRank,
  x: Tensor,
  kernelSize: Size,
  { stride = kernelSize, ceilMode = false, ...options }: PoolOptions<Size>,
): { shape: number[]; attrs: PoolAttrs } {
  requireRank(op, 'x', x, rank + 2);
  const kernel = sizePair(op, 'kernelSize', kernelSize, 1, rank);
  const attrs = { kernelSize: kernel, ...windowAttrs(op, { stride, ...options }, rank) };
  if (attrs.padding.some((p, i) => p * 2 > kernel[i])) {
    const shown = (sizes: readonly number[]) => sizes.slice(-rank).join(' × ');
    throw new ArgumentError({
      op,
      expected: `padding of at most half the kernel (${shown(kernel.map((k) => Math.floor(k / 2)))})`,
      found: shown(attrs.padding),
      fix: 'More would make windows of nothing but padding: use pad() first.',
    });
  }
  const [n, c, ...size] = asImage(x).shape;
  requireFlag(op, 'ceilMode', ceilMode);
  const out = convOutputSize(op, size as unknown as Pair, kernel, attrs, rank, ceilMode);
  return { shape: [n, c, ...out], attrs };
}
