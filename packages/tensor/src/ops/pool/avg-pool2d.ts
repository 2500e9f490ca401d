import { type AvgPoolAttrs, checkOptions, type QAverageAttrs } from '@octet/backend';
import { op } from '../../autograd';
import { channelsLast, emptyChannelsLast, nhwc, requireFloat, requireTensor, run } from '../../kernel';
import { type QParams, requirePerTensor } from '../../qparams';
import type { Tensor } from '../../tensor';
import type { PairLike } from '../product/window';
import { requireEightBits } from '../quantized/lookup';
import { poolShape } from './max-pool2d';

export interface AvgPool2dOptions {
  /** kernelSize unless given. */
  stride?: PairLike;
  padding?: PairLike;
  /** Whether padded positions count in the divisor. */
  countIncludePad?: boolean;
}

/** The scale without its power of two: what the mean of integers is doesn't depend on it. */
export function qaverageAttrs(op: string, qparams: QParams): QAverageAttrs {
  const { scale, zeroPoint } = requirePerTensor(op, qparams);
  return { zeroPoint, scale: Math.fround(scale) / 2 ** Math.floor(Math.log2(scale)) };
}

/**
 * The mean of each window of x [N, C, H, W]. A quantized tensor keeps its scale and zero point.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function avgPool2d(x: Tensor, kernelSize: PairLike, options: AvgPool2dOptions = {}): Tensor {
  const { countIncludePad = true, ...window } = checkOptions(
    'avgPool2d',
    options,
    'stride padding countIncludePad',
  );
  requireTensor('avgPool2d', x);
  if (x.qparams) requireEightBits('avgPool2d', x);
  else requireFloat('avgPool2d', x);
  const {
    shape,
    attrs: { dilation: _, ...rest },
  } = poolShape('avgPool2d', x, kernelSize, window);
  const attrs: AvgPoolAttrs = { ...rest, countIncludePad };
  const { shape: shapeX } = x;
  return op('avgPool2d', { x }, () => {
    const xc = channelsLast(x);
    const y = emptyChannelsLast(x, shape);
    if (x.qparams) {
      const qattrs = qaverageAttrs('avgPool2d', x.qparams);
      run('qavgPool2d', { x: nhwc(xc) }, { y: nhwc(y) }, { ...attrs, ...qattrs });
      return [y];
    }
    run('avgPool2d', { x: nhwc(xc) }, { y: nhwc(y) }, attrs);
    return [
      y,
      (grad) => {
        const gradX = emptyChannelsLast(grad, shapeX);
        run('avgPool2dBackward', { gradY: nhwc(channelsLast(grad)) }, { gradX: nhwc(gradX) }, attrs);
        return [gradX];
      },
    ];
  });
}
