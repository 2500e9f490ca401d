import { requireFlag } from '@octet/backend';
import { op } from '../../autograd';
import {
  asOperand,
  asOuterAxisInner,
  contiguous,
  emptyOn,
  reducedLayout,
  requireFloat,
  requireTensor,
  run,
} from '../../kernel';
import { normalizeDim } from '../../layout';
import type { Tensor } from '../../tensor';
import { requireElements } from './amax';
import { ofIntegers } from './integers';

/**
 * Where the maximum along `dim` stands, the first of equals, as int32; without `dim`, in the flattened tensor.
 * @throws ShapeError if there is nothing to take the maximum of, ArgumentError for a dim out of range.
 */
export function argmax(x: Tensor, dim?: number, keepDim = false): Tensor {
  requireFlag('argmax', 'keepDim', keepDim);
  requireTensor('argmax', x);
  if (x.qparams) return ofIntegers('argmax', x, (steps) => argmax(steps, dim, keepDim));
  requireFloat('argmax', x);
  const all = x.shape.map((_, i) => i);
  const over = dim === undefined ? all : [normalizeDim('argmax', dim, x.shape.length)];
  requireElements('argmax', x, over);
  return op('argmax', { x }, () => {
    if (dim === undefined) {
      const y = emptyOn(x, keepDim ? all.map(() => 1) : [], { dtype: 'int32' });
      run('argmax', { x: asOperand(contiguous(x), [1, x.numel, 1]) }, { y: asOperand(y, [1, 1]) }, {});
      return [y];
    }
    const { operand, outer, inner, kept } = asOuterAxisInner(x, over);
    const layout = reducedLayout(x, over, kept, keepDim);
    const y = emptyOn(x, layout.shape, { dtype: 'int32', strides: layout.strides });
    run('argmax', { x: operand }, { y: asOperand(y, [outer, inner]) }, {});
    return [y];
  });
}
