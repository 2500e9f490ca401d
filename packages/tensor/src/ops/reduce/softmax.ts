import { op } from '../../autograd';
import { aroundDims, as, emptyLike, requireFloat, run, withStrides } from '../../kernel';
import { normalizeDim } from '../../layout';
import type { Tensor } from '../../tensor';

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
  const d = normalizeDim(name, dim, x.shape.length);
  return op(name, { x }, (save) => {
    const { operand } = aroundDims(x, [d]);
    const { shape } = operand;
    const y = emptyLike(operand.tensor);
    run(name, { x: operand }, { y: as(y, shape) }, {});
    const saved = save(y);
    return [
      y,
      (grad) => {
        const gradX = emptyLike(saved);
        run(
          backward,
          { y: as(saved, shape), gradY: as(withStrides(grad, saved.strides), shape) },
          { gradX: as(gradX, shape) },
          {},
        );
        return [gradX];
      },
    ];
  });
}
