import { type QuantizedDType, quantRange } from '@octet/backend';
import { op } from '../../autograd';
import {
  asOperand,
  asOuterAxisInner,
  emptyLike,
  requireFloat,
  requireTensor,
  run,
  withStrides,
} from '../../kernel';
import { normalizeDim } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { requireEightBits } from '../quantized/lookup';
import { dequantize, quantizePerTensor } from '../quantized/quantize';

/**
 * e^x / Σ e^x along `dim`, stable for large x. A quantized tensor gets scale 1/256 and the lowest integer as zero point: softmax of its
 * dequantized numbers, requantized.
 * @throws ArgumentError for a dim out of range.
 */
export function softmax(x: Tensor, dim: number): Tensor {
  requireTensor('softmax', x);
  if (x.qparams) {
    requireEightBits('softmax', x);
    const dtype = x.dtype as QuantizedDType;
    return tidy(() => quantizePerTensor(softmax(dequantize(x), dim), 1 / 256, quantRange[dtype][0], dtype));
  }
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
    const { operand } = asOuterAxisInner(x, [d]);
    const { shape } = operand;
    const y = emptyLike(operand.tensor);
    run(name, { x: operand }, { y: asOperand(y, shape) }, {});
    const saved = save(y);
    return [
      y,
      (grad) => {
        const gradX = emptyLike(saved);
        run(
          backward,
          { y: asOperand(saved, shape), gradY: asOperand(withStrides(grad, saved.strides), shape) },
          { gradX: asOperand(gradX, shape) },
          {},
        );
        return [gradX];
      },
    ];
  });
}
