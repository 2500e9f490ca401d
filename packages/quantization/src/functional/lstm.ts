import { checkOptions } from '@octet/backend';
import { kernel, lstmOperands, lstmShape, type Tensor, tidy } from '@octet/tensor/functional';
import { type DynamicOptions, requireFloat32 } from './linear';
import type { PackedWeight } from './packed-weight';

const { asOperand, contiguous, emptyOn, run } = kernel;

/**
 * lstmLayer with an int8 weight: the h of each step, [N, H], is quantized by its own minimum and maximum, as by
 * dynamicLinear. Inference only.
 * @throws ShapeError, DTypeError
 */
export function dynamicLstmLayer(
  x: Tensor,
  packed: PackedWeight,
  h0: Tensor,
  c0: Tensor,
  options?: DynamicOptions,
): Tensor {
  const op = 'dynamic.lstmLayer';
  const { reduceRange = false } = checkOptions(op, options, 'reduceRange');
  for (const t of [x, h0, c0]) requireFloat32(op, t);
  const { weight, bias } = packed;
  const shape = lstmShape(op, x, weight, h0, c0, bias);
  return tidy(() => {
    const y = emptyOn(x, shape);
    const given = { x: contiguous(x), h0: contiguous(h0), c0: contiguous(c0) };
    const inputs = { ...lstmOperands(given), weight: packed.operand, bias: bias && contiguous(bias) };
    run('qlstmDynamic', inputs, { y: asOperand(y, shape) }, packed.dynamicAttrs(reduceRange), packed.cache);
    return y;
  });
}
