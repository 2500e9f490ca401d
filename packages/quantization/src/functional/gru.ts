import { checkOptions } from '@octet/backend';
import { gruOperands, gruShape, kernel, type Tensor, tidy } from '@octet/tensor/functional';
import { type DynamicOptions, requireFloat32 } from './linear';
import type { PackedWeight } from './packed-weight';

const { asOperand, contiguous, emptyOn, run } = kernel;

/**
 * gruLayer with an int8 weight: the h of each step, [N, H], is quantized by its own minimum and maximum, as by
 * dynamicLinear. Inference only.
 * @throws ShapeError, DTypeError
 */
export function dynamicGruLayer(
  x: Tensor,
  packed: PackedWeight,
  h0: Tensor,
  options?: DynamicOptions,
): Tensor {
  const op = 'dynamic.gruLayer';
  const { reduceRange = false } = checkOptions(op, options, 'reduceRange');
  for (const t of [x, h0]) requireFloat32(op, t);
  const { weight, bias } = packed;
  const shape = gruShape(op, x, weight, h0, bias);
  return tidy(() => {
    const y = emptyOn(x, shape);
    const given = { x: contiguous(x), h0: contiguous(h0) };
    const inputs = { ...gruOperands(given), weight: packed.operand, bias: bias && contiguous(bias) };
    run('qgruDynamic', inputs, { y: asOperand(y, shape) }, packed.dynamicAttrs(reduceRange), packed.cache);
    return y;
  });
}
