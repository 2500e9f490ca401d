/** What the ops by indices have in common: tensors around a dim, and their dtypes. */
import { DTypeError, mixedBackends, type ScatterReduce } from '@octet/backend';
import { asOperand, contiguous, emptyOn, type Operand, requireTensor, run } from '../../kernel';
import { numel } from '../../layout';
import type { Tensor } from '../../tensor';
import { cast } from '../elementwise/cast';
import { requireIndices } from '../product/indices';

/** `x` row-major, as outer × axis × inner around one dim. */
export function around(x: Tensor, dim: number): Operand {
  const { shape } = x;
  return asOperand(contiguous(x), [numel(shape.slice(0, dim)), shape[dim] ?? 1, numel(shape.slice(dim + 1))]);
}

/** Whether its elements are bytes, which kernels by indices don't take: they go there as int32. */
const isByte = (x: Tensor) => ['uint8', 'int8', 'bool'].includes(x.dtype);

/** The result of `f`, of whose inputs those of bytes are int32, in the dtype of the first of them. */
export function widened(tensors: readonly Tensor[], f: (tensors: readonly Tensor[]) => Tensor): Tensor {
  const [{ dtype }] = tensors;
  if (!isByte(tensors[0])) return f(tensors);
  return cast(f(tensors.map((t) => cast(t, 'int32'))), dtype);
}

/** @throws ArgumentError, DTypeError, BackendError unless they are tensors of one dtype that isn't quantized, and an index */
export function requireIndexed(
  op: string,
  index: Tensor,
  size: number | undefined,
  ...tensors: readonly Tensor[]
): void {
  requireTensor(op, ...tensors, index);
  const [first] = tensors;
  for (const t of tensors) {
    requirePlain(op, t);
    if (t.dtype !== first.dtype) {
      throw new DTypeError({
        op,
        expected: `${first.dtype} throughout`,
        found: t.dtype,
        fix: `Convert one with to('${first.dtype}').`,
      });
    }
  }
  for (const t of [...tensors, index])
    if (t.backend !== first.backend) throw mixedBackends(op, first.backend, t.backend);
  requireIndices(op, 'index', index, size);
}

/** @throws DTypeError for a quantized tensor */
export function requirePlain(op: string, t: Tensor): void {
  if (!t.qparams) return;
  throw new DTypeError({
    op,
    expected: 'a tensor that is not quantized',
    found: t.dtype,
    fix: 'Use dequantize(), or intRepr() for the integers.',
  });
}

/** y [o,m,i] of x [o,n,i] at an index [o or 1,m,i or 1], shaped `shape`. Not recorded. */
export function gathered(x: Operand, index: Operand, shape: readonly number[]): Tensor {
  return widened([x.tensor], ([t]) => {
    const y = emptyOn(t, shape);
    const [outer, , inner] = x.shape;
    run(
      'gather',
      { x: asOperand(t, x.shape), index },
      { y: asOperand(y, [outer, index.shape[1], inner]) },
      {},
    );
    return y;
  });
}

/** A copy of x [o,n,i], joined by src [o,m,i] at an index [o or 1,m,i or 1]. Not recorded. */
export function scattered(x: Operand, index: Operand, src: Operand, reduce: ScatterReduce): Tensor {
  return widened([x.tensor, src.tensor], ([t, s]) => {
    const y = emptyOn(t, x.tensor.shape);
    run(
      'scatter',
      { x: asOperand(t, x.shape), index, src: asOperand(s, src.shape) },
      { y: asOperand(y, x.shape) },
      { reduce },
    );
    return y;
  });
}
