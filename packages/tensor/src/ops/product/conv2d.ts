import { ArgumentError, type Conv2dAttrs, checkOptions, type Pair, ShapeError } from '@octet/backend';
import { op } from '../../autograd';
import {
  channelsLast,
  contiguous,
  emptyChannelsLast,
  nhwc,
  present,
  requireFloat,
  requireRank,
  run,
} from '../../kernel';
import { formatShape, sameShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { requireClamp } from '../elementwise/bounds';
import type { ClampOptions } from '../elementwise/clamped';
import { gradientInside } from '../elementwise/elementwise';
import { applySum } from '../reduce/sum';
import { type ConvPadding, padInput } from './padding';
import {
  asImage,
  convOutputSize,
  fromImage,
  type PairLike,
  type SingleLike,
  type SpatialRank,
  type WindowOptions,
  windowAttrs,
} from './window';

type Options<Size> = Omit<WindowOptions<Size>, 'padding'> & ConvPadding<Size>;

export interface Conv2dOptions extends Options<PairLike> {
  groups?: number;
}

export interface Conv1dOptions extends Options<SingleLike> {
  groups?: number;
}

/** Of either, its padding in numbers. */
type ConvOptions = WindowOptions<PairLike | SingleLike> & { groups?: number };

const OPTIONS = 'stride padding paddingMode dilation groups';
const OPTIONS_AND_CLAMP = `${OPTIONS} clamp`;

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
  return convolution('conv2d', 2, x, weight, bias, checkOptions('conv2d', options, OPTIONS_AND_CLAMP));
}

/**
 * Cross-correlation of x [N, C, L] with weight [O, C / groups, k] plus bias [O], as PyTorch's; the channels of the result are
 * innermost in memory. It is conv2d of images of height 1.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function conv1d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  options?: Conv1dOptions & ClampOptions,
): Tensor {
  return convolution('conv1d', 1, x, weight, bias, checkOptions('conv1d', options, OPTIONS_AND_CLAMP));
}

/**
 * relu(conv2d(x, weight, bias, options)), the same numbers: clamped while they are at hand, not in a second pass over memory.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function conv2dRelu(x: Tensor, weight: Tensor, bias?: Tensor, options?: Conv2dOptions): Tensor {
  const given = checkOptions('conv2dRelu', options, OPTIONS);
  return convolution('conv2dRelu', 2, x, weight, bias, { ...given, clamp: [0, Number.POSITIVE_INFINITY] });
}

function convolution(
  name: string,
  rank: SpatialRank,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  { clamp, ...given }: (Conv1dOptions | Conv2dOptions) & ClampOptions,
): Tensor {
  requireClamp(name, clamp);
  requireFloat(name, x, weight, ...present(bias));
  return tidy(() => {
    const { x: padded, options } = padInput(name, rank, x, weight, given);
    return ofZeros(name, rank, padded, weight, bias, { ...options, clamp });
  });
}

/** Padded by zeros, as kernels do. */
function ofZeros(
  name: string,
  rank: SpatialRank,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  { clamp, ...given }: ConvOptions & ClampOptions,
): Tensor {
  const { image: shape, attrs } = convShape(name, rank, x, weight, bias, given);
  return op(name, { x, weight, bias }, (save, needs) => {
    const xc = channelsLast(asImage(x));
    const wc = channelsLast(asImage(weight));
    const { shape: shapeX } = xc;
    const { shape: shapeWeight } = wc;
    const y = emptyChannelsLast(x, shape);
    run(
      'conv2d',
      { x: nhwc(xc), weight: nhwc(wc), bias: bias && contiguous(bias) },
      { y: nhwc(y) },
      clamp ? { ...attrs, clamp } : attrs,
    );
    const savedX = save(xc, needs.weight);
    const savedWeight = save(wc, needs.x);
    // Where y lies inside the bounds, so did what the clamp took.
    const clamped = save(y, clamp !== undefined);
    return [
      fromImage(y, rank),
      (grad) => {
        const image = asImage(grad);
        const gradY = channelsLast(clamped && clamp ? gradientInside(clamped, image, clamp) : image);
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
        return [
          gradX && fromImage(gradX, rank),
          gradWeight && fromImage(gradWeight, rank),
          needs.bias ? applySum(gradY, [0, 2, 3], false) : undefined,
        ];
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
  options: ConvOptions,
): { shape: number[]; attrs: Conv2dAttrs } {
  const { image, attrs } = convShape(op, 2, x, weight, bias, options);
  return { shape: image, attrs };
}

/** Likewise of either rank, the shape that of the image that kernels write: [N, O, 1, L] for a row. */
export function convShape(
  op: string,
  rank: SpatialRank,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  { groups = 1, ...window }: ConvOptions,
): { image: number[]; attrs: Conv2dAttrs } {
  requireRank(op, 'x', x, rank + 2);
  requireRank(op, 'weight', weight, rank + 2);
  const attrs = { ...windowAttrs(op, window, rank), groups };
  const [n, c] = x.shape;
  const [o, perGroup] = weight.shape;
  if (!Number.isInteger(groups) || groups < 1 || o % groups !== 0) {
    throw new ArgumentError({
      op,
      expected: `groups: a whole number that divides the ${o} output channels`,
      found: String(groups),
      fix: 'For a depthwise convolution groups is the number of input channels.',
    });
  }
  if (c !== perGroup * groups) {
    const [image, kernel] = rank === 2 ? ['H, W', 'kh, kw'] : ['L', 'k'];
    throw new ShapeError({
      op,
      expected: `x with ${perGroup * groups} channels for weight ${formatShape(weight.shape)}${groups > 1 ? ` in ${groups} groups` : ''}`,
      found: `x ${formatShape(x.shape)}`,
      fix: `x is [N, C, ${image}] and weight [O, C / groups, ${kernel}]: check the channels of the layer before.`,
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
  const size = ({ shape }: Tensor) => [1, ...shape.slice(2)].slice(-2) as unknown as Pair;
  return { image: [n, o, ...convOutputSize(op, size(x), size(weight), attrs, rank)], attrs };
}
