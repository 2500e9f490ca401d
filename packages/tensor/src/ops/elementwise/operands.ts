/** What a number means beside a tensor, as PyTorch has it: one of the tensor's dtype, if that can hold it. */
import { ArgumentError, describe, type StorageDType } from '@octet/backend';
import { full } from '../../factory';
import { requireTensor } from '../../kernel';
import { Tensor } from '../../tensor';
import { cast } from './cast';

/** A number beside a tensor; true and false are for bool. */
export type Scalar = number | boolean;

export function isScalar(value: unknown): value is Scalar {
  return typeof value === 'number' || typeof value === 'boolean';
}

const ranges: Partial<Record<StorageDType, readonly [min: number, max: number]>> = {
  int32: [-2147483648, 2147483647],
  uint8: [0, 255],
  int8: [-128, 127],
  bool: [0, 1],
};

/** The dtype in which a tensor and a number meet: float32 for fractions beside integers, int32 for numbers beyond bytes. */
function commonDType(x: Tensor, value: Scalar): StorageDType {
  const fits = ([min, max]: readonly [number, number]) =>
    Number.isInteger(Number(value)) && Number(value) >= min && Number(value) <= max;
  const { dtype } = x.storage;
  const range = ranges[dtype];
  if (x.qparams || !range || fits(range)) return dtype;
  return fits(ranges.int32 as readonly [number, number]) ? 'int32' : 'float32';
}

/**
 * Both operands as tensors: a number becomes one of the other's dtype, and integers that it doesn't fit become wider.
 * Allocates: call it inside of `tidy`.
 * @throws ArgumentError unless one of them is a tensor
 */
export function operandsOf(op: string, a: Tensor | Scalar, b: Tensor | Scalar): [Tensor, Tensor] {
  if (isScalar(a) && isScalar(b)) {
    throw new ArgumentError({
      op,
      expected: 'a tensor and a number, or two tensors',
      found: `${describe(a)} and ${describe(b)}`,
      fix: 'Make one of them a tensor, with tensor(…).',
    });
  }
  if (isScalar(a)) {
    const [y, x] = operandsOf(op, b, a);
    return [x, y];
  }
  requireTensor(op, a);
  if (!isScalar(b)) {
    requireTensor(op, b);
    return [a, b];
  }
  const dtype = commonDType(a, b);
  const x = dtype === a.storage.dtype ? a : cast(a, dtype);
  return [x, full([], Number(b), { dtype, backend: a.backend })];
}

/** int32: what elementwise arithmetic takes beside floats. */
export function isInteger(x: unknown): boolean {
  return x instanceof Tensor && x.dtype === 'int32';
}

/** The operand beside a number. @throws ArgumentError unless it is a tensor */
export function requireOther(op: string, other: Tensor | Scalar): Tensor {
  requireTensor(op, other);
  return other as Tensor;
}
