import { type QuantizedDType, quantRange, ShapeError } from '@octet/backend';
import {
  asOperand,
  asOuterAxisInner,
  denseInAnyOrder,
  emptyOn,
  type Operand,
  requireFloat,
  requireTensor,
  run,
} from '../../kernel';
import { normalizeDim } from '../../layout';
import { perChannelQParams, perTensorQParams, type QParams, qparamArrays } from '../../qparams';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';

/** q = clamp(rint(f32(x * f32(1 / scale))) + zeroPoint) over the dtype's range. @throws QuantizationError */
export function quantizePerTensor(
  x: Tensor,
  scale: number,
  zeroPoint: number,
  dtype: QuantizedDType,
): Tensor {
  return quantize(
    'quantizePerTensor',
    x,
    dtype,
    perTensorQParams('quantizePerTensor', dtype, scale, zeroPoint),
  );
}

/** As quantizePerTensor, with a scale and zero point for each index of `axis`. @throws QuantizationError, ShapeError */
export function quantizePerChannel(
  x: Tensor,
  scales: ArrayLike<number>,
  zeroPoints: ArrayLike<number>,
  axis: number,
  dtype: QuantizedDType,
): Tensor {
  requireTensor('quantizePerChannel', x);
  const dim = normalizeDim('quantizePerChannel', axis, x.shape.length);
  const qparams = perChannelQParams('quantizePerChannel', dtype, scales, zeroPoints, dim);
  if (qparams.scales.length !== x.shape[dim]) {
    throw new ShapeError({
      op: 'quantizePerChannel',
      expected: `${x.shape[dim]} scales, one for each index of axis ${dim}`,
      found: String(qparams.scales.length),
      fix: 'Check the axis: 0 for the output channels of weights.',
    });
  }
  return quantize('quantizePerChannel', x, dtype, qparams);
}

function quantize(op: string, x: Tensor, dtype: QuantizedDType, qparams: QParams): Tensor {
  requireFloat(op, x);
  return tidy(() => {
    const operand = byScale(x, qparams);
    const y = emptyOn(x, x.shape, { dtype, strides: operand.tensor.strides, qparams });
    const [quantMin, quantMax] = quantRange[dtype];
    run(
      'quantize',
      { x: operand },
      { y: asOperand(y, operand.shape) },
      { ...qparamArrays(qparams), quantMin, quantMax },
    );
    return y;
  });
}

/** `x` seen as outer × channels × inner: the channels have a scale each, and where all have one, everything is outer. */
function byScale(x: Tensor, qparams: QParams): Operand {
  if (qparams.scheme === 'perChannel') return asOuterAxisInner(x, [qparams.axis]).operand;
  return asOperand(denseInAnyOrder(x), [x.numel, 1, 1]);
}

/** (q - zeroPoint) * scale as float32; a float tensor is returned as it is. */
export function dequantize(x: Tensor): Tensor {
  requireTensor('dequantize', x);
  if (!x.qparams) {
    requireFloat('dequantize', x);
    return x;
  }
  const { qparams } = x;
  return tidy(() => {
    const operand = byScale(x, qparams);
    const y = emptyOn(x, x.shape, { dtype: 'float32', strides: operand.tensor.strides });
    run('dequantize', { x: operand }, { y: asOperand(y, operand.shape) }, qparamArrays(qparams));
    return y;
  });
}
