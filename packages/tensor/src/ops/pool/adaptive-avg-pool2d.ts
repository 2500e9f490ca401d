import { checkOptions } from '@octet/backend';
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
  fromImage,
  type PairLike,
  type SingleLike,
  type SpatialRank,
  sizePair,
} from '../product/window';
import { requireEightBits } from '../quantized/lookup';
import { type AverageOptions, integerAverage } from './avg-pool2d';

/**
 * x [N, C, H, W] averaged down to `outputSize`: cell i of n covers rows floor(i · H / n) to ceil((i + 1) · H / n),
 * columns alike. A quantized tensor keeps its scale and zero point, unless `output` says others.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function adaptiveAvgPool2d(x: Tensor, outputSize: PairLike, options?: AverageOptions): Tensor {
  return adaptiveAvgPool('adaptiveAvgPool2d', 2, x, outputSize, options);
}

/**
 * x [N, C, L] averaged down to `outputSize`: cell i of n covers positions floor(i · L / n) to ceil((i + 1) · L / n). A quantized
 * tensor keeps its scale and zero point, unless `output` says others.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function adaptiveAvgPool1d(x: Tensor, outputSize: SingleLike, options?: AverageOptions): Tensor {
  return adaptiveAvgPool('adaptiveAvgPool1d', 1, x, outputSize, options);
}

function adaptiveAvgPool(
  name: string,
  rank: SpatialRank,
  x: Tensor,
  outputSize: PairLike | SingleLike,
  options: AverageOptions | undefined,
): Tensor {
  const { output } = checkOptions(name, options, 'output');
  requireTensor(name, x);
  if (x.qparams) requireEightBits(name, x);
  else requireFloat(name, x);
  const integers = integerAverage(name, x, output);
  requireRank(name, 'x', x, rank + 2);
  const shape = [...x.shape.slice(0, 2), ...sizePair(name, 'outputSize', outputSize, 1, rank)];
  return op(name, { x }, () => {
    const xc = channelsLast(asImage(x));
    const { shape: shapeX } = xc;
    const y = emptyChannelsLast(x, shape, { qparams: integers?.qparams });
    if (integers) {
      run('qadaptiveAvgPool2d', { x: nhwc(xc) }, { y: nhwc(y) }, integers.attrs);
      return [fromImage(y, rank)];
    }
    run('adaptiveAvgPool2d', { x: nhwc(xc) }, { y: nhwc(y) }, {});
    return [
      fromImage(y, rank),
      (grad) => {
        const gradX = emptyChannelsLast(grad, shapeX);
        const gradY = channelsLast(asImage(grad));
        run('adaptiveAvgPool2dBackward', { gradY: nhwc(gradY) }, { gradX: nhwc(gradX) }, {});
        return [fromImage(gradX, rank)];
      },
    ];
  });
}
