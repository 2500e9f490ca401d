import {
  ArgumentError,
  type AvgPoolAttrs,
  checkOptions,
  type QAverageAttrs,
  type QuantizedDType,
} from '@octet/backend';
import { op } from '../../autograd';
import { channelsLast, emptyChannelsLast, nhwc, requireFloat, requireTensor, run } from '../../kernel';
import { type PerTensorQParams, perTensorQParams, type QParams, requirePerTensor } from '../../qparams';
import type { Tensor } from '../../tensor';
import { asImage, fromImage, type PairLike, type SingleLike, type SpatialRank } from '../product/window';
import { requireEightBits } from '../quantized/lookup';
import { poolShape } from './max-pool2d';

/** What averages of integers take beside. */
export interface AverageOptions {
  /** Scale and zero point of the result of a quantized tensor; x's unless given. */
  output?: Pick<PerTensorQParams, 'scale' | 'zeroPoint'> | undefined;
}

interface AvgPoolOptions<Size> extends AverageOptions {
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

/** How the integers of x are averaged. */
export interface IntegerAverage {
  /** Of the result. */
  readonly qparams: QParams;
  readonly attrs: QAverageAttrs;
}

/** A multiplier so large gives the same integers as a larger one. */
const LARGEST_SCALE = 2 ** 126;

/**
 * Undefined for floats. Scales go without a power of two, on which averages don't depend: nothing overflows.
 * @throws DTypeError, QuantizationError; ArgumentError for an `output` of floats
 */
export function integerAverage(
  op: string,
  { dtype, qparams }: Tensor,
  output: AverageOptions['output'],
): IntegerAverage | undefined {
  if (!qparams) {
    if (output === undefined) return undefined;
    throw new ArgumentError({
      op,
      expected: 'no option output, or a quantized tensor',
      found: `output, and ${dtype}`,
      fix: 'Scale and zero point are for integers: leave it out.',
    });
  }
  const x = requirePerTensor(op, qparams);
  if (!output) {
    const scale = Math.fround(x.scale) / 2 ** Math.floor(Math.log2(x.scale));
    return { qparams, attrs: { zeroPoint: x.zeroPoint, scale } };
  }
  const y = perTensorQParams(op, dtype as QuantizedDType, output.scale, output.zeroPoint);
  const power = 2 ** Math.floor(Math.log2(y.scale));
  const scale = Math.min(Math.fround(x.scale) / power, LARGEST_SCALE);
  const [zeroPoint, yZeroPoint] = [x.zeroPoint, y.zeroPoint];
  return { qparams: y, attrs: { zeroPoint, scale, yZeroPoint, yScale: Math.fround(y.scale) / power } };
}

/**
 * The mean of each window of x [N, C, H, W]. A quantized tensor keeps its scale and zero point, unless `output` says others.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function avgPool2d(x: Tensor, kernelSize: PairLike, options?: AvgPool2dOptions): Tensor {
  return avgPool('avgPool2d', 2, x, kernelSize, checkOptions('avgPool2d', options, OPTIONS));
}

/**
 * The mean of each window of x [N, C, L]. A quantized tensor keeps its scale and zero point, unless `output` says others.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function avgPool1d(x: Tensor, kernelSize: SingleLike, options?: AvgPool1dOptions): Tensor {
  return avgPool('avgPool1d', 1, x, kernelSize, checkOptions('avgPool1d', options, OPTIONS));
}

const OPTIONS = 'stride padding countIncludePad ceilMode output';

function avgPool(
  name: string,
  rank: SpatialRank,
  x: Tensor,
  kernelSize: PairLike | SingleLike,
  { countIncludePad = true, output, ...window }: AvgPoolOptions<PairLike | SingleLike>,
): Tensor {
  requireTensor(name, x);
  if (x.qparams) requireEightBits(name, x);
  else requireFloat(name, x);
  const integers = integerAverage(name, x, output);
  const {
    shape,
    attrs: { dilation: _, ...rest },
  } = poolShape(name, rank, x, kernelSize, window);
  const attrs: AvgPoolAttrs = { ...rest, countIncludePad };
  return op(name, { x }, () => {
    const xc = channelsLast(asImage(x));
    const { shape: shapeX } = xc;
    const y = emptyChannelsLast(x, shape, { qparams: integers?.qparams });
    if (integers) {
      run('qavgPool2d', { x: nhwc(xc) }, { y: nhwc(y) }, { ...attrs, ...integers.attrs });
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
