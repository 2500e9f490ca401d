import { requirePair } from '@octet/backend';
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
import type { PairLike } from '../product/window';
import { requireEightBits } from '../quantized/lookup';
import { qaverageAttrs } from './avg-pool2d';

/**
 * x [N, C, H, W] averaged down to `outputSize`: cell i of n covers rows floor(i · H / n) to ceil((i + 1) · H / n),
 * columns alike. A quantized tensor keeps its scale and zero point.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function adaptiveAvgPool2d(x: Tensor, outputSize: PairLike): Tensor {
  requireTensor('adaptiveAvgPool2d', x);
  if (x.qparams) requireEightBits('adaptiveAvgPool2d', x);
  else requireFloat('adaptiveAvgPool2d', x);
  requireRank('adaptiveAvgPool2d', 'x', x, 4);
  const { shape: shapeX } = x;
  const shape = [...shapeX.slice(0, 2), ...requirePair('adaptiveAvgPool2d', 'outputSize', outputSize, 1)];
  return op('adaptiveAvgPool2d', { x }, () => {
    const xc = channelsLast(x);
    const y = emptyChannelsLast(x, shape);
    if (x.qparams) {
      const attrs = qaverageAttrs('adaptiveAvgPool2d', x.qparams);
      run('qadaptiveAvgPool2d', { x: nhwc(xc) }, { y: nhwc(y) }, attrs);
      return [y];
    }
    run('adaptiveAvgPool2d', { x: nhwc(xc) }, { y: nhwc(y) }, {});
    return [
      y,
      (grad) => {
        const gradX = emptyChannelsLast(grad, shapeX);
        run('adaptiveAvgPool2dBackward', { gradY: nhwc(channelsLast(grad)) }, { gradX: nhwc(gradX) }, {});
        return [gradX];
      },
    ];
  });
}
