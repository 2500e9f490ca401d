import { type AvgPoolAttrs, checkOptions, type QAverageAttrs } from '@octet/backend';
import { op } from '../../autograd';
import { channelsLast, emptyChannelsLast, nhwc, requireFloat, requireTensor, run } from '../../kernel';
import { type QParams, requirePerTensor } from '../../qparams';
import type { Tensor } from '../../tensor';
import { asImage, fromImage, type PairLike, type SingleLike, type SpatialRank } from '../product/window';
import { requireEightBits } from '../quantized/lookup';
import { poolShape } from './max-pool2d';

interface AvgPoolOptions<Size> {
  /** kernelSize unless given. */
  stride?: Size;
  padding?: Size;
  /** Whether padded positions count in the divisor. */
  countIncludePad?: boolean;
  /** Whether a last window may hang over the end of the image: sizes are rounded up. What lies past the padding never counts. */
  ceilMode?: boolean;
}

export type AvgPool2dOptions = AvgPoolOptions<PairLike>;

export type AvgPool1dOptions = AvgPoolOptions<SingleLike>;

/** The scale without its power of two: what the mean of integers is doesn't depend on it. */
export function qaverageAttrs(op: string, qparams: QParams): QAverageAttrs {
  const { scale, zeroPoint } = requirePerTensor(op, qparams);
  return { zeroPoint, scale: Math.fround(scale) / 2 ** Math.floor(Math.log2(scale)) };
}

/**
 * The mean of each window of x [N, C, H, W]. A quantized tensor keeps its scale and zero point.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function avgPool2d(x: Tensor, kernelSize: PairLike, options?: AvgPool2dOptions): Tensor {
  return avgPool('avgPool2d', 2, x, kernelSize, checkOptions('avgPool2d', options, OPTIONS));
}

/**
 * The mean of each window of x [N, C, L]. A quantized tensor keeps its scale and zero point.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function avgPool1d(x: Tensor, kernelSize: SingleLike, options?: AvgPool1dOptions): Tensor {
  return avgPool('avgPool1d', 1, x, kernelSize, checkOptions('avgPool1d', options, OPTIONS));
}

const OPTIONS = 'stride padding countIncludePad ceilMode';

function avgPool(
  name: string,
  rank: SpatialRank,
  x: Tensor,
  kernelSize: PairLike | SingleLike,
  { countIncludePad = true, ...window }: AvgPoolOptions<PairLike | SingleLike>,
): Tensor {
  requireTensor(name, x);
  if (x.qparams) requireEightBits(name, x);
  else requireFloat(name, x);
  const {
    shape,
    attrs: { dilation: _, ...rest },
  } = poolShape(name, rank, x, kernelSize, window);
  const attrs: AvgPoolAttrs = { ...rest, countIncludePad };
  return op(name, { x }, () => {
    const xc = channelsLast(asImage(x));
    const { shape: shapeX } = xc;
    const y = emptyChannelsLast(x, shape);
    if (x.qparams) {
      const qattrs = qaverageAttrs(name, x.qparams);
      run('qavgPool2d', { x: nhwc(xc) }, { y: nhwc(y) }, { ...attrs, ...qattrs });
      return [fromImage(y, rank)];
    }
    run('avgPool2d', { x: nhwc(xc) }, { y: nhwc(y) }, attrs);
    return [
      fromImage(y, rank),
      (grad) => {
        const gradX = emptyChannelsLast(grad, shapeX);
        run('avgPool2dBackward', { gradY: nhwc(channelsLast(asImage(grad))) }, { gradX: nhwc(gradX) }, attrs);
        return [fromImage(gradX, rank)];
      },
    ];
  });
}
