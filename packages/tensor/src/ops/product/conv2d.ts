import { ArgumentError, type Conv2dAttrs, checkOptions, ShapeError } from '@octet/backend';
import { op } from '../../autograd';
import {
  channelsLast,
  dense,
  emptyChannelsLast,
  nhwc,
  present,
  requireFloat,
  requireRank,
  run,
} from '../../kernel';
import { formatShape, sameShape } from '../../layout';
import type { Tensor } from '../../tensor';
import { type ClampOptions, requireClamp } from '../elementwise/clamped';
import { gradientInside } from '../elementwise/elementwise';
import { applySum } from '../reduce/sum';
import { convOutputSize, type WindowOptions, windowAttrs } from './window';

export interface Conv2dOptions extends WindowOptions {
  groups?: number;
}

/**
 * Cross-correlation of x [N, C, H, W] with weight [O, C / groups, kh, kw] plus bias [O], as PyTorch's; the result is
 * channels-last in memory.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  options?: Conv2dOptions & ClampOptions,
): Tensor {
  return convolution(
    'conv2d',
    x,
    weight,
    bias,
    checkOptions('conv2d', options, 'stride padding dilation groups clamp'),
  );
}

/**
 * relu(conv2d(x, weight, bias, options)), the same numbers: clamped while they are at hand, not in a second pass over memory.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function conv2dRelu(x: Tensor, weight: Tensor, bias?: Tensor, options?: Conv2dOptions): Tensor {
  const given = checkOptions('conv2dRelu', options, 'stride padding dilation groups');
  return convolution('conv2dRelu', x, weight, bias, { ...given, clamp: [0, Number.POSITIVE_INFINITY] });
}

function convolution(
  name: string,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  { clamp, ...given }: Conv2dOptions & ClampOptions,
): Tensor {
  requireClamp(name, clamp);
  requireFloat(name, x, weight, ...present(bias));
  const { shape, attrs } = conv2dShape(name, x, weight, bias, given);
  const { shape: shapeX } = x;
  const { shape: shapeWeight } = weight;
  return op(name, { x, weight, bias }, (save, needs) => {
    const xc = channelsLast(x);
    const wc = channelsLast(weight);
    const y = emptyChannelsLast(x, shape);
    run(
      'conv2d',
      { x: nhwc(xc), weight: nhwc(wc), bias: bias && dense(bias) },
      { y: nhwc(y) },
      clamp ? { ...attrs, clamp } : attrs,
    );
    const savedX = save(xc, needs.weight);
    const savedWeight = save(wc, needs.x);
    // Where y lies inside the bounds, so did what the clamp took.
    const clamped = save(y, clamp !== undefined);
    return [
      y,
      (grad) => {
        const gradY = channelsLast(clamped && clamp ? gradientInside(clamped, grad, clamp) : grad);
        const gradX = savedWeight && emptyChannelsLast(gradY, shapeX);
        if (gradX)
          run(
            'conv2dBackwardInput',
            { gradY: nhwc(gradY), weight: nhwc(savedWeight) },
            { gradX: nhwc(gradX) },
            attrs,
          );
        const gradWeight = savedX && emptyChannelsLast(gradY, shapeWeight);
        if (gradWeight) {
          run(
            'conv2dBackwardWeight',
            { x: nhwc(savedX), gradY: nhwc(gradY) },
            { gradWeight: nhwc(gradWeight) },
            attrs,
          );
        }
        return [gradX, gradWeight, needs.bias ? applySum(gradY, [0, 2, 3], false) : undefined];
      },
    ];
  });
}

/** The output's shape and the kernel's attributes; all checks but those of dtypes. Serves the int8 convolution too. */
export function conv2dShape(
  op: string,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  { groups = 1, ...window }: Conv2dOptions,
): { shape: number[]; attrs: Conv2dAttrs } {
  requireRank(op, 'x', x, 4);
  requireRank(op, 'weight', weight, 4);
  const attrs = { ...windowAttrs(op, window), groups };
  const [n, c, h, w] = x.shape;
  const [o, perGroup, kh, kw] = weight.shape;
  if (!Number.isInteger(groups) || groups < 1 || o % groups !== 0) {
    throw new ArgumentError({
      op,
      expected: `groups: a whole number that divides the ${o} output channels`,
      found: String(groups),
      fix: 'For a depthwise convolution groups is the number of input channels.',
    });
  }
  if (c !== perGroup * groups) {
    throw new ShapeError({
      op,
      expected: `x with ${perGroup * groups} channels for weight ${formatShape(weight.shape)}${groups > 1 ? ` in ${groups} groups` : ''}`,
      found: `x ${formatShape(x.shape)}`,
      fix: 'x is [N, C, H, W] and weight [O, C / groups, kh, kw]: check the channels of the layer before.',
    });
  }
  if (bias && !sameShape(bias.shape, [o])) {
    throw new ShapeError({
      op,
      expected: `bias [${o}], one for each output channel`,
      found: formatShape(bias.shape),
      fix: 'Make bias and weight agree.',
    });
  }
  return { shape: [n, o, ...convOutputSize(op, [h, w], [kh, kw], attrs)], attrs };
}
