import { ShapeError } from '@octet/backend';
import { freeHelper, record, willRecord } from '../autograd';
import { as, dense, emptyOn, freeCopy, present, requireFloat, requireRank, run } from '../kernel';
import { formatShape, numel, sameShape } from '../layout';
import type { Tensor } from '../tensor';
import { product, swapped } from './matmul';
import { reshape } from './reshape';
import { applySum } from './sum';

/**
 * x [..., k] · weightᵀ + bias with weight [n, k] and bias [n] → [..., n].
 * @throws ShapeError, DTypeError
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  requireFloat('linear', x, weight, ...present(bias));
  const shape = linearShape('linear', x, weight, bias);
  const [n, k] = weight.shape;
  const m = numel(shape.slice(0, -1));
  const xd = dense(x);
  const wd = dense(weight);
  const y = emptyOn(x, shape);
  const bd = bias && dense(bias);
  run('linear', { x: as(xd, [m, k]), weight: as(wd, [n, k]), bias: bd }, { y: as(y, [m, n]) }, {});
  freeCopy(bd, bias);
  const savedX = willRecord(weight) ? reshape(xd.detach(), [m, k]) : undefined;
  const savedWeight = willRecord(x) ? wd.detach() : undefined;
  const { shape: shapeX } = x;
  const out = record('linear', y, { x, weight, bias }, (grad, needs) => {
    const gradY = dense(reshape(grad, [m, n]));
    return [
      savedWeight && reshape(product(gradY, savedWeight), shapeX),
      savedX && product(swapped(gradY), savedX),
      needs[2] ? applySum(gradY, [0], false) : undefined,
    ];
  });
  if (savedX) freeHelper(xd, out, x);
  else freeCopy(xd, x);
  if (savedWeight) freeHelper(wd, out, weight);
  else freeCopy(wd, weight);
  return out;
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
