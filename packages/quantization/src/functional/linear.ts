import { checkOptions, DTypeError } from '@octet/backend';
import { kernel, linearShape, numel, type Tensor, tidy } from '@octet/tensor/functional';
import {
  CLAMP_OPTIONS,
  clampOf,
  type OutputClamp,
  type OutputQparams,
  outputQparams,
  requireQuint8,
} from './int8';
import type { PackedWeight } from './packed-weight';

const { asOperand, contiguous, emptyOn, run } = kernel;

/** int8 linear: x [..., in] quint8, weight [out, in] qint8 → [..., out] quint8; the formula of quantizedConv2d. */
export function quantizedLinear(
  x: Tensor,
  packed: PackedWeight,
  options: OutputQparams & OutputClamp,
): Tensor {
  const op = 'quantized.linear';
  checkOptions(op, options, `scale zeroPoint ${CLAMP_OPTIONS}`);
  const clamp = clampOf(op, options);
  const xq = requireQuint8(op, x);
  const { rows, inner, outer, shape } = shapesOf(op, x, packed);
  const yq = outputQparams(op, options);
  const { weight, bias, attrs } = packed.callFor(xq, yq, clamp);
  return tidy(() => {
    const y = emptyOn(x, shape, { qparams: yq });
    run(
      'qlinear',
      { x: asOperand(contiguous(x), [rows, inner]), weight, bias },
      { y: asOperand(y, [rows, outer]) },
      attrs,
      packed.cache,
    );
    return y;
  });
}

export interface DynamicOptions {
  /** Quantize the input to 7 of the 8 bits, 0..127: faster where a backend has a product for it. Default: false. */
  reduceRange?: boolean;
}

/**
 * Dynamic linear: x [..., in] float32 is quantized to 0..255 (`reduceRange`: 0..127) by its own minimum and maximum at every
 * call, multiplied in int8 and returned as float32: y = f32(acc) · f32(sx·sw) + bias. Inference only.
 */
export function dynamicLinear(x: Tensor, packed: PackedWeight, options?: DynamicOptions): Tensor {
  const op = 'dynamic.linear';
  const { reduceRange = false } = checkOptions(op, options, 'reduceRange');
  const { bias } = packed;
  requireFloat32(op, x);
  const { rows, inner, outer, shape } = shapesOf(op, x, packed);
  return tidy(() => {
    const y = emptyOn(x, shape);
    run(
      'qlinearDynamic',
      { x: asOperand(contiguous(x), [rows, inner]), weight: packed.operand, bias: bias && contiguous(bias) },
      { y: asOperand(y, [rows, outer]) },
      packed.dynamicAttrs(reduceRange),
      packed.cache,
    );
    return y;
  });
}

/** @throws DTypeError */
export function requireFloat32(op: string, x: Tensor): void {
  if (x.dtype === 'float32') return;
  throw new DTypeError({
    op,
    expected: 'float32',
    found: x.dtype,
    fix: 'Dynamically quantized layers take and return floats: no QuantStub before them.',
  });
}

function shapesOf(op: string, x: Tensor, { weight, bias }: PackedWeight) {
  const shape = linearShape(op, x, weight, bias);
  const [outer, inner] = weight.shape;
  return { rows: numel(shape.slice(0, -1)), inner, outer, shape };
}
