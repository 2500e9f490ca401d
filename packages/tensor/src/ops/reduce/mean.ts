import { checkOptions, requireFlag, ShapeError } from '@octet/backend';
import { op } from '../../autograd';
import {
  asOperand,
  asOuterAxisInner,
  emptyOn,
  reducedLayout,
  requireFloat,
  requireTensor,
  run,
} from '../../kernel';
import { formatShape, normalizeDims } from '../../layout';
import type { Tensor } from '../../tensor';
import { affine } from '../elementwise/affine';
import { applyUnary } from '../elementwise/elementwise';
import { type AverageOptions, type IntegerAverage, integerAverage } from '../pool/avg-pool2d';
import { requireEightBits } from '../quantized/lookup';
import { applySum, spread } from './sum';

/**
 * The mean over `dims` (all, if absent); NaN of nothing. A quantized tensor keeps its scale and zero point, unless
 * `options.output` says others, and is rounded as average pools are.
 * @throws ArgumentError for a dim out of range, or an `output` of floats; ShapeError for the mean of no integers
 */
export function mean(
  x: Tensor,
  dims?: number | readonly number[],
  keepDim = false,
  options?: AverageOptions,
): Tensor {
  const { output } = checkOptions('mean', options, 'output');
  requireFlag('mean', 'keepDim', keepDim);
  requireTensor('mean', x);
  if (x.qparams) requireEightBits('mean', x);
  const integers = integerAverage('mean', x, output);
  if (integers) return meanOfIntegers(x, normalizeDims('mean', dims, x.shape.length), keepDim, integers);
  requireFloat('mean', x);
  const over = normalizeDims('mean', dims, x.shape.length);
  const { shape } = x;
  const scale = 1 / over.reduce((n, d) => n * shape[d], 1);
  return op('mean', { x }, () => [
    applyUnary('affine', applySum(x, over, keepDim), { scale, shift: 0 }),
    (grad) => [spread(affine(grad, scale, 0), shape, over)],
  ]);
}

/** By the kernel of adaptive pools, to which the dims are an image of one row. */
function meanOfIntegers(
  x: Tensor,
  dims: readonly number[],
  keepDim: boolean,
  { qparams, attrs }: IntegerAverage,
): Tensor {
  if (dims.some((d) => x.shape[d] === 0)) {
    throw new ShapeError({
      op: 'mean',
      expected: 'at least one integer for each mean',
      found: formatShape(x.shape),
      fix: 'The mean of nothing is NaN, which no integer stands for.',
    });
  }
  const { operand, outer, n, inner, kept } = asOuterAxisInner(x, dims);
  const { shape, strides } = reducedLayout(x, dims, kept, keepDim);
  const y = emptyOn(x, shape, { dtype: x.dtype, strides, qparams });
  const images = { x: asOperand(operand.tensor, [outer, 1, n, inner]) };
  run('qadaptiveAvgPool2d', images, { y: asOperand(y, [outer, 1, 1, inner]) }, attrs);
  const { storage } = operand.tensor;
  if (storage !== x.storage) storage.release();
  return y;
}
