import { ShapeError } from '@octet/backend';
import { op } from '../../autograd';
import { asOperand, contiguous, emptyOn, present, requireFloat, requireRank, run } from '../../kernel';
import { formatShape, numel, sameShape } from '../../layout';
import type { Tensor } from '../../tensor';
import { type ClampOptions, clampOf } from '../elementwise/clamped';
import { gradientInside } from '../elementwise/elementwise';
import { applySum } from '../reduce/sum';
import { reshape } from '../shape/reshape';
import { product, swapped } from './matmul';

/**
 * x [..., k] · weightᵀ + bias with weight [n, k] and bias [n] → [..., n].
 * @throws ShapeError, DTypeError, ArgumentError for bounds that are none
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, options?: ClampOptions): Tensor {
  const clamp = clampOf('linear', options);
  requireFloat('linear', x, weight, ...present(bias));
  const shape = linearShape('linear', x, weight, bias);
  const [n, k] = weight.shape;
  const m = numel(shape.slice(0, -1));
  const { shape: shapeX } = x;
  return op('linear', { x, weight, bias }, (save, needs) => {
    const xd = contiguous(x);
    const wd = contiguous(weight);
    const y = emptyOn(x, shape);
    run(
      'linear',
      { x: asOperand(xd, [m, k]), weight: asOperand(wd, [n, k]), bias: bias && contiguous(bias) },
      { y: asOperand(y, [m, n]) },
      clamp ? { clamp } : {},
    );
    // Where y lies inside the bounds, so did what the clamp took.
    const clamped = save(y, clamp !== undefined);
    const savedX = save(xd, needs.weight);
    const savedWeight = save(wd, needs.x);
    return [
      y,
      (grad) => {
        const through = clamped && clamp ? gradientInside(clamped, grad, clamp) : grad;
        const gradY = contiguous(reshape(through, [m, n]));
        return [
          savedWeight && reshape(product(gradY, savedWeight), shapeX),
          savedX && product(swapped(gradY), reshape(savedX, [m, k])),
          needs.bias ? applySum(gradY, [0], false) : undefined,
        ];
      },
    ];
  });
}

/** The output's shape; all checks but those of dtypes. Serves the int8 layers too. */
export function linearShape(op: string, x: Tensor, weight: Tensor, bias: Tensor | undefined): number[] {
  requireRank(op, 'weight', weight, 2);
  const [n, k] = weight.shape;
  if (x.shape.length === 0 || x.shape[x.shape.length - 1] !== k) {
    throw new ShapeError({
      op,
      expected: `x [..., ${k}] for weight ${formatShape(weight.shape)}`,
      found: formatShape(x.shape),
      fix: 'The last dimension of x must be the input features of the layer: flatten(1) images first.',
    });
  }
  if (bias && !sameShape(bias.shape, [n])) {
    throw new ShapeError({
      op,
      expected: `bias [${n}], one for each output feature`,
      found: formatShape(bias.shape),
      fix: 'Make bias and weight agree.',
    });
  }
  return [...x.shape.slice(0, -1), n];
}
