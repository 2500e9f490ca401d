import { type DType, DTypeError, describe, isFloatDType, storageDType } from '@octet/backend';
import { op } from '../../autograd';
import { denseInAnyOrder, emptyLike, requireTensor, run } from '../../kernel';
import type { Tensor } from '../../tensor';

/** The elements in another dtype: float to integer truncates and saturates, to bool is `x != 0`. @throws DTypeError */
export function cast(x: Tensor, dtype: DType): Tensor {
  requireTensor('to', x);
  if (dtype === x.dtype) return x;
  if (!storageDType(dtype)) {
    throw new DTypeError({
      op: 'to',
      expected: 'float32, float64, int32, uint8, int8 or bool, or a backend',
      found: describe(dtype),
      fix: 'A backend is an object, such as await createWasmBackend() gives.',
    });
  }
  if (x.qparams || dtype.startsWith('q')) {
    throw new DTypeError({
      op: 'to',
      expected: 'two dtypes that are not quantized',
      found: `${x.dtype} to ${dtype}`,
      fix: 'Use quantizePerTensor, dequantize or intRepr.',
    });
  }
  const from = x.dtype;
  return op('to', { x }, () => {
    const xd = denseInAnyOrder(x);
    const y = emptyLike(xd, dtype);
    run('cast', { x: xd }, { y }, {});
    return isFloatDType(dtype) ? [y, (grad) => [cast(grad, from)]] : [y];
  });
}
