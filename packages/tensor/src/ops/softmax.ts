import { record } from '../autograd';
import { aroundDims, as, emptyLike, freeCopy, requireFloat, run, withStrides } from '../kernel';
import { normalizeDim } from '../layout';
import type { Tensor } from '../tensor';

/** e^x / Σ e^x along `dim`, stable for large x. @throws ArgumentError for a dim out of range. */
export function softmax(x: Tensor, dim: number): Tensor {
  return alongDim('softmax', 'softmaxBackward', x, dim);
}

/** What softmax and logSoftmax share: same shape, gradient from the output. */
export function alongDim(
  name: 'softmax' | 'logSoftmax',
  backward: 'softmaxBackward' | 'logSoftmaxBackward',
  x: Tensor,
  dim: number,
): Tensor {
  requireFloat(name, x);
  const { operand, outer, n, inner } = aroundDims(x, [normalizeDim(name, dim, x.shape.length)]);
  const shape = [outer, n, inner];
  const y = emptyLike(operand.tensor);
  run(name, { x: operand }, { y: as(y, shape) }, {});
  freeCopy(operand.tensor, x);
  const saved = y.detach();
  return record(name, y, { x }, (grad) => {
    const gradX = emptyLike(saved);
    run(
      backward,
      { y: as(saved, shape), gradY: as(withStrides(grad, saved.strides), shape) },
      { gradX: as(gradX, shape) },
      {},
    );
    return [gradX];
  });
}
