import { ArgumentError, checkOptions, type PoolAttrs, requirePair } from '@octet/backend';
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
import { convOutputSize, type PairLike, type WindowOptions, windowAttrs } from '../product/window';
import { requireEightBits } from '../quantized/lookup';

/** `stride` is kernelSize unless given. */
export type MaxPool2dOptions = WindowOptions;

/**
 * The maximum of each window of x [N, C, H, W]; padding never wins. On a quantized tensor it works on the integers.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function maxPool2d(x: Tensor, kernelSize: PairLike, options?: MaxPool2dOptions): Tensor {
  const window = checkOptions('maxPool2d', options, 'stride padding dilation');
  requireTensor('maxPool2d', x);
  if (x.qparams) requireEightBits('maxPool2d', x);
  else requireFloat('maxPool2d', x);
  const { shape, attrs } = poolShape('maxPool2d', x, kernelSize, window);
  const { shape: shapeX } = x;
  return op('maxPool2d', { x }, (save) => {
    const xc = channelsLast(x);
    const y = emptyChannelsLast(x, shape);
    if (x.qparams) {
      run('qmaxPool2d', { x: nhwc(xc) }, { y: nhwc(y) }, attrs);
      return [y];
    }
    const indices = emptyChannelsLast(x, shape, { dtype: 'int32' });
    run('maxPool2d', { x: nhwc(xc) }, { y: nhwc(y), indices: nhwc(indices) }, attrs);
    const saved = save(indices);
    return [
      y,
      (grad) => {
        const gradX = emptyChannelsLast(grad, shapeX);
        run(
          'maxPool2dBackward',
          { gradY: nhwc(channelsLast(grad)), indices: nhwc(saved) },
          { gradX: nhwc(gradX) },
          {},
        );
        return [gradX];
      },
    ];
  });
}

/** The output's shape and the kernel's attributes of a pool. */
export function poolShape(
  op: string,
  x: Tensor,
  kernelSize: PairLike,
  { stride = kernelSize, ...options }: WindowOptions,
): { shape: number[]; attrs: PoolAttrs } {
  requireRank(op, 'x', x, 4);
  const kernel = requirePair(op, 'kernelSize', kernelSize, 1);
  const attrs = { kernelSize: kernel, ...windowAttrs(op, { stride, ...options }) };
  if (attrs.padding.some((p, i) => p * 2 > kernel[i])) {
    throw new ArgumentError({
      op,
      expected: `padding of at most half the kernel (${kernel.map((k) => Math.floor(k / 2)).join(' × ')})`,
      found: attrs.padding.join(' × '),
      fix: 'More would make windows of nothing but padding: use pad() first.',
    });
  }
  const [n, c, h, w] = x.shape;
  return { shape: [n, c, ...convOutputSize(op, [h, w], kernel, attrs)], attrs };
}
