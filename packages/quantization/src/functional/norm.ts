/** Normalisations of quint8 tensors: dequantized, normalised in float32, requantized. */
import {
  dequantize,
  groupNorm,
  layerNorm,
  quantizePerTensor,
  type Tensor,
  tidy,
} from '@octet/tensor/functional';
import { type OutputQparams, outputQparams, requireQuint8 } from './int8';

function inFloat(op: string, x: Tensor, output: OutputQparams, f: (x: Tensor) => Tensor): Tensor {
  requireQuint8(op, x);
  const { scale, zeroPoint } = outputQparams(op, output);
  return tidy(() => quantizePerTensor(f(dequantize(x)), scale, zeroPoint, 'quint8'));
}

/** `layerNorm` of the dequantized numbers, requantized. @throws as layerNorm, QuantizationError unless x is quint8 */
export function quantizedLayerNorm(
  x: Tensor,
  normalizedShape: readonly number[],
  weight: Tensor | undefined,
  bias: Tensor | undefined,
  eps: number,
  output: OutputQparams,
): Tensor {
  return inFloat('quantized.layerNorm', x, output, (t) => layerNorm(t, normalizedShape, weight, bias, eps));
}

/**
 * `groupNorm` of the dequantized numbers, requantized; with a group for each channel it is instance normalisation.
 * @throws as groupNorm, QuantizationError unless x is quint8
 */
export function quantizedGroupNorm(
  x: Tensor,
  numGroups: number,
  weight: Tensor | undefined,
  bias: Tensor | undefined,
  eps: number,
  output: OutputQparams,
): Tensor {
  return inFloat('quantized.groupNorm', x, output, (t) => groupNorm(t, numGroups, weight, bias, eps));
}
