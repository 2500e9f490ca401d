import { requireFlag } from '@octet/backend';
import { op } from '../../autograd';
import { asOperand, contiguous, emptyOn, requireFloat, requireTensor, run } from '../../kernel';
import { normalizeDim, removed, replaced } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { cast } from '../elementwise/cast';
import { isInteger } from '../elementwise/operands';
import { around } from '../indexing/axis';
import { reshape } from '../shape/reshape';

/**
 * The sums along `dim`, each of the elements up to its own; of int32 too, and of bool as int32.
 * @throws ArgumentError for a dim out of range, DTypeError
 */
export function cumsum(x: Tensor, dim: number): Tensor {
  requireTensor('cumsum', x);
  if (x.dtype === 'bool') return tidy(() => cumsum(cast(x, 'int32'), dim));
  return cumsumFrom('cumsum', x, dim, false);
}

function cumsumFrom(name: string, x: Tensor, dim: number, reverse: boolean): Tensor {
  if (!isInteger(x)) requireFloat(name, x);
  const d = normalizeDim(name, dim, x.shape.length);
  return op(name, { x }, () => {
    const y = emptyOn(x, x.shape);
    const operand = around(x, d);
    run('cumsum', { x: operand }, { y: asOperand(y, operand.shape) }, { reverse });
    return [y, (grad) => [cumsumFrom(name, grad, d, !reverse)]];
  });
}

/** The products along `dim`, each of the elements up to its own. @throws ArgumentError for a dim out of range, DTypeError */
export function cumprod(x: Tensor, dim: number): Tensor {
  requireFloat('cumprod', x);
  const d = normalizeDim('cumprod', dim, x.shape.length);
  return op('cumprod', { x }, (save) => {
    const operand = around(x, d);
    const y = emptyOn(x, x.shape);
    run('cumprod', { x: operand }, { y: asOperand(y, operand.shape) }, {});
    const [savedX, savedY] = [save(operand.tensor), save(y)];
    return [
      y,
      (grad) => {
        const gradX = emptyOn(grad, savedX.shape);
        const [x, y, gradY] = [savedX, savedY, grad].map((t) => around(t, d));
        run('cumprodBackward', { x, y, gradY }, { gradX: asOperand(gradX, x.shape) }, {});
        return [gradX];
      },
    ];
  });
}

/** The product along `dim`, or of all elements; 1 of nothing. @throws ArgumentError for a dim out of range, DTypeError */
export function prod(x: Tensor, dim?: number, keepDim = false): Tensor {
  requireFlag('prod', 'keepDim', keepDim);
  requireFloat('prod', x);
  if (dim === undefined) {
    const all = keepDim ? x.shape.map(() => 1) : [];
    return tidy(() => reshape(prod(reshape(x, [x.numel]), 0), all));
  }
  const d = normalizeDim('prod', dim, x.shape.length);
  return op('prod', { x }, (save) => {
    const operand = around(x, d);
    const [outer, , inner] = operand.shape;
    const y = emptyOn(x, keepDim ? replaced(x.shape, d, 1) : removed(x.shape, d));
    run('prod', { x: operand }, { y: asOperand(y, [outer, inner]) }, {});
    const saved = save(operand.tensor);
    return [
      y,
      (grad) => {
        const gradX = emptyOn(grad, saved.shape);
        const gradY = asOperand(contiguous(grad), [outer, inner]);
        run('prodBackward', { x: around(saved, d), gradY }, { gradX: asOperand(gradX, operand.shape) }, {});
        return [gradX];
      },
    ];
  });
}
