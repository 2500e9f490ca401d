/** Comparisons and logical operations: their results are bool, and have no gradient. */
import { DTypeError, mixedBackends, type RelationName } from '@octet/backend';
import { op } from '../../autograd';
import { broadcastOperands, emptyOn, requireTensor, run } from '../../kernel';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { abs } from './abs';
import { operandsOf, type Scalar } from './operands';

type Side = Tensor | Scalar;

/** y = a ∘ b in bool by a kernel; `name` is the op for errors. */
function relation(name: string, kernel: RelationName, first: Side, second: Side, swapped = false): Tensor {
  return tidy(() => {
    const [a, b] = operandsOf(name, first, second);
    requireAlike(name, a, b);
    return op(name, { a, b }, () => {
      const { shape, strides, operands } = broadcastOperands(name, a, b);
      const y = emptyOn(a, shape, { dtype: 'bool', strides, qparams: undefined });
      const [left, right] = swapped ? [operands[1], operands[0]] : operands;
      run(kernel, { a: left, b: right }, { y }, {});
      return [y];
    });
  });
}

/** @throws DTypeError, BackendError unless they are of one dtype that isn't quantized, on one backend. */
export function requireAlike(op: string, a: Tensor, b: Tensor): void {
  for (const t of [a, b]) {
    if (!t.qparams) continue;
    throw new DTypeError({
      op,
      expected: 'tensors that are not quantized',
      found: t.dtype,
      fix: 'Use dequantize(), or intRepr() for the integers.',
    });
  }
  if (a.dtype !== b.dtype) {
    throw new DTypeError({
      op,
      expected: `${a.dtype} throughout`,
      found: b.dtype,
      fix: `Convert one with to('${a.dtype}').`,
    });
  }
  if (a.backend !== b.backend) throw mixedBackends(op, a.backend, b.backend);
}

/**
 * a = b, broadcast, as bool; tensors of one dtype, or a number. NaN equals nothing.
 * @throws ShapeError, DTypeError
 */
export function eq(a: Side, b: Side): Tensor {
  return relation('eq', 'eq', a, b);
}

/** a ≠ b, alike: true for a NaN. @throws ShapeError, DTypeError */
export function ne(a: Side, b: Side): Tensor {
  return relation('ne', 'ne', a, b);
}

/** a < b, alike: false for a NaN. @throws ShapeError, DTypeError */
export function lt(a: Side, b: Side): Tensor {
  return relation('lt', 'lt', a, b);
}

/** a <= b, alike: false for a NaN. @throws ShapeError, DTypeError */
export function le(a: Side, b: Side): Tensor {
  return relation('le', 'le', a, b);
}

/** a > b, alike: false for a NaN. @throws ShapeError, DTypeError */
export function gt(a: Side, b: Side): Tensor {
  return relation('gt', 'lt', a, b, true);
}

/** a >= b, alike: false for a NaN. @throws ShapeError, DTypeError */
export function ge(a: Side, b: Side): Tensor {
  return relation('ge', 'le', a, b, true);
}

/** x as bool: all but 0 is true. */
function truth(x: Tensor): Tensor {
  return x.dtype === 'bool' ? x : ne(x, 0);
}

function logical(name: string, kernel: RelationName, a: Tensor, b: Tensor): Tensor {
  requireTensor(name, a, b);
  return tidy(() => relation(name, kernel, truth(a), truth(b)));
}

/** a and b, broadcast, as bool; of other dtypes all but 0 is true. @throws ShapeError */
export function logicalAnd(a: Tensor, b: Tensor): Tensor {
  return logical('logicalAnd', 'logicalAnd', a, b);
}

/** a or b, alike. @throws ShapeError */
export function logicalOr(a: Tensor, b: Tensor): Tensor {
  return logical('logicalOr', 'logicalOr', a, b);
}

/** Either a or b and not both, alike. @throws ShapeError */
export function logicalXor(a: Tensor, b: Tensor): Tensor {
  return logical('logicalXor', 'ne', a, b);
}

/** Not x, as bool: true where x is 0. */
export function logicalNot(x: Tensor): Tensor {
  return relation('logicalNot', 'eq', x, 0);
}

/** Whether each element is a NaN, as bool. */
export function isnan(x: Tensor): Tensor {
  return relation('isnan', 'ne', x, x);
}

/** Whether each element is infinite, of either sign, as bool. */
export function isinf(x: Tensor): Tensor {
  return tidy(() => (isFloat(x) ? relation('isinf', 'eq', abs(x), Number.POSITIVE_INFINITY) : isnan(x)));
}

/** Whether each element is neither infinite nor NaN, as bool. */
export function isfinite(x: Tensor): Tensor {
  return tidy(() =>
    isFloat(x)
      ? relation('isfinite', 'lt', abs(x), Number.POSITIVE_INFINITY)
      : relation('isfinite', 'eq', x, x),
  );
}

function isFloat(x: Tensor): boolean {
  requireTensor('isinf', x);
  return x.dtype === 'float32' || x.dtype === 'float64';
}
