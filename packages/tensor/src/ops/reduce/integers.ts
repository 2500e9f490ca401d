/** Reductions of 8-bit tensors, by those of floats: float32 holds the integers exactly. */
import { QuantizationError } from '@octet/backend';
import { view } from '../../kernel';
import { type PerTensorQParams, type QParams, requirePerTensor } from '../../qparams';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { requireEightBits } from '../quantized/lookup';
import { dequantize, quantizePerTensor } from '../quantized/quantize';

/** Sums from here on are not all float32 numbers. */
const LARGEST = 2 ** 24;

/** `reduce` of the integers less the zero point. */
export function ofIntegers(op: string, x: Tensor, reduce: (steps: Tensor) => Tensor): Tensor {
  requireEightBits(op, x);
  const { zeroPoint } = requirePerTensor(op, x.qparams as QParams);
  return tidy(() => reduce(dequantize(view(x, x, { scheme: 'perTensor', scale: 1, zeroPoint }))));
}

/** The same where it gives one of the integers: as one of x's dtype, scale and zero point. */
export function oneOfIntegers(op: string, x: Tensor, reduce: (steps: Tensor) => Tensor): Tensor {
  const { zeroPoint } = x.qparams as PerTensorQParams;
  return ofIntegers(op, x, (steps) => {
    const y = quantizePerTensor(reduce(steps), 1, zeroPoint, x.dtype as 'quint8');
    return view(y, y, x.qparams);
  });
}

/**
 * The same where it adds up `n` integers: as qint32 at x's scale, with zero point 0.
 * @throws QuantizationError if they are so many that a sum could reach 2^24
 */
export function sumOfIntegers(op: string, x: Tensor, n: number, reduce: (steps: Tensor) => Tensor): Tensor {
  if (n * 255 >= LARGEST) {
    throw new QuantizationError({
      op,
      expected: `at most ${Math.floor((LARGEST - 1) / 255)} integers in a sum`,
      found: String(n),
      fix: 'Sum over one dim after the other, in float after the first, or take the mean.',
    });
  }
  return ofIntegers(op, x, (steps) => {
    const y = quantizePerTensor(reduce(steps), 1, 0, 'qint32');
    return view(y, y, { scheme: 'perTensor', scale: (x.qparams as PerTensorQParams).scale, zeroPoint: 0 });
  });
}
