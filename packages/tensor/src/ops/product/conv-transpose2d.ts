import { ArgumentError, type Conv2dAttrs, checkOptions, ShapeError } from '@octet/backend';
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
import type { Tensor } from '../../tensor';
import { applySum } from '../reduce/sum';
import {
  asImage,
  fromImage,
  type PairLike,
  type SingleLike,
  type SpatialRank,
  sizePair,
  type WindowOptions,
  windowAttrs,
} from './window';

interface TransposedOptions<Size> extends WindowOptions<Size> {
  /** Rows and columns more at the end of the output: less than the stride or the dilation. */
  outputPadding?: Size;
  groups?: number;
}

export type ConvTranspose2dOptions = TransposedOptions<PairLike>;

export type ConvTranspose1dOptions = TransposedOptions<SingleLike>;

const OPTIONS = 'stride padding outputPadding dilation groups';

/**
 * The transposed convolution of x [N, C, H, W] with weight [C, O / groups, kh, kw], plus bias [O]: each element of x puts
 * its multiple of the kernel into the output, at `stride` times its place less `padding`. OH = (H - 1) · stride - 2 · padding + dilation · (kh - 1) +
 * outputPadding + 1, as PyTorch's; the result is channels-last in memory.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  options?: ConvTranspose2dOptions,
): Tensor {
  return transposed('convTranspose2d', 2, x, weight, bias, checkOptions('convTranspose2d', options, OPTIONS));
}

/**
 * The transposed convolution of x [N, C, L] with weight [C, O / groups, k], plus bias [O]: convTranspose2d of images of height 1.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function convTranspose1d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  options?: ConvTranspose1dOptions,
): Tensor {
  return transposed('convTranspose1d', 1, x, weight, bias, checkOptions('convTranspose1d', options, OPTIONS));
}

function transposed(
  name: string,
  rank: SpatialRank,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  given: TransposedOptions<PairLike | SingleLike>,
): Tensor {
  requireFloat(name, x, weight, ...present(bias));
  const { image: shape, attrs } = convTransposeShape(name, rank, x, weight, bias, given);
  return op(name, { x, weight, bias }, (save, needs) => {
    const xc = channelsLast(asImage(x));
    const wc = channelsLast(asImage(weight));
    const { shape: shapeX } = xc;
    const { shape: shapeWeight } = wc;
    const y = emptyChannelsLast(x, shape);
    run(
      'convTranspose2d',
      { x: nhwc(xc), weight: nhwc(wc), bias: bias && contiguous(bias) },
      { y: nhwc(y) },
      attrs,
    );
    const savedX = save(xc, needs.weight);
    const savedWeight = save(wc, needs.x);
    return [
      fromImage(y, rank),
      (grad) => {
        // The convolution of which this is the transpose: its input is y, its output x.
        const gradY = channelsLast(asImage(grad));
        const gradX = savedWeight && emptyChannelsLast(gradY, shapeX);
        if (gradX) run('conv2d', { x: nhwc(gradY), weight: nhwc(savedWeight) }, { y: nhwc(gradX) }, attrs);
        const gradWeight = savedX && emptyChannelsLast(gradY, shapeWeight);
        if (gradWeight) {
          run(
            'conv2dBackwardWeight',
            { x: nhwc(gradY), gradY: nhwc(savedX) },
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

/**
 * The shape of the image that kernels write ([N, O, 1, OL] for a row) and the kernel's attributes; all checks but those of dtypes.
 * Serves the int8 operation too.
 */
export function convTransposeShape(
  op: string,
  rank: SpatialRank,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  { groups = 1, outputPadding = 0, ...window }: TransposedOptions<PairLike | SingleLike>,
): { image: number[]; attrs: Conv2dAttrs } {
  requireRank(op, 'x', x, rank + 2);
  requireRank(op, 'weight', weight, rank + 2);
  const attrs = { ...windowAttrs(op, window, rank), groups };
  const { stride, padding, dilation } = attrs;
  const extra = sizePair(op, 'outputPadding', outputPadding, 0, rank);
  const [n, c] = x.shape;
  const [inputs, perGroup] = weight.shape;
  const dims = rank === 2 ? ['H, W', 'kh, kw'] : ['L', 'k'];
  if (!Number.isInteger(groups) || groups < 1 || inputs % groups !== 0) {
    throw new ArgumentError({
      op,
      expected: `groups: a whole number that divides the ${inputs} input channels`,
      found: String(groups),
      fix: 'For a depthwise one groups is the number of input channels.',
    });
  }
  if (c !== inputs) {
    throw new ShapeError({
      op,
      expected: `x with ${inputs} channels for weight ${formatShape(weight.shape)}`,
      found: `x ${formatShape(x.shape)}`,
      fix: `x is [N, C, ${dims[0]}] and weight [C, O / groups, ${dims[1]}]: check the channels of the layer before.`,
    });
  }
  const outputs = perGroup * groups;
  if (bias && !sameShape(bias.shape, [outputs])) {
    throw new ShapeError({
      op,
      expected: `bias [${outputs}], one for each output channel`,
      found: formatShape(bias.shape),
      fix: 'Make bias and weight agree.',
    });
  }
  // Else elements of x would be left out by the convolution of which this is the transpose.
  const tooMuch = extra.findIndex((p, d) => p >= Math.max(stride[d], dilation[d]));
  if (tooMuch >= 0) {
    throw new ArgumentError({
      op,
      expected: 'outputPadding less than the stride or the dilation',
      found: extra.slice(-rank).join(' × '),
      fix: 'It only tells apart the sizes that a strided convolution makes one: use pad() for more.',
    });
  }
  const sizes = [1, ...x.shape.slice(2)].slice(-2);
  const kernel = [1, ...weight.shape.slice(2)].slice(-2);
  const out = sizes.map(
    (size, d) => (size - 1) * stride[d] - 2 * padding[d] + dilation[d] * (kernel[d] - 1) + extra[d] + 1,
  );
  if (out.some((size) => size < 1)) {
    throw new ShapeError({
      op,
      expected: 'an output of at least one row and column',
      found: `${out.slice(-rank).join(' × ')} for x ${formatShape(x.shape)} and padding ${padding.slice(-rank).join(' × ')}`,
      fix: 'Use less padding: it cuts off the ends of the output.',
    });
  }
  return { image: [n, outputs, ...out], attrs };
}

/**
 * The outputPadding that gives an output of `outputSize`, as PyTorch's `output_size`: [OH, OW], or with N and O before.
 * @throws ArgumentError for sizes that no outputPadding less than the stride gives
 */
export function outputPaddingFor(
  op: string,
  x: Tensor,
  kernelSize: readonly number[],
  outputSize: readonly number[],
  { stride, padding, dilation }: Readonly<Record<'stride' | 'padding' | 'dilation', readonly number[]>>,
): number[] {
  const rank = kernelSize.length;
  const sizes = outputSize.length === rank + 2 ? outputSize.slice(2) : outputSize;
  const least = kernelSize.map(
    (k, d) => (x.shape[d + 2] - 1) * stride[d] - 2 * padding[d] + dilation[d] * (k - 1) + 1,
  );
  const extra = sizes.map((size, d) => size - least[d]);
  if (sizes.length === rank && extra.every((p, d) => Number.isInteger(p) && p >= 0 && p < stride[d]))
    return extra;
  throw new ArgumentError({
    op,
    expected: `outputSize from [${least}] to [${least.map((size, d) => size + stride[d] - 1)}]`,
    found: `[${outputSize}]`,
    fix: 'These are the sizes of which a convolution with this stride makes that of the input.',
  });
}
