import { type QuantizedDType, quantizeNumber, quantRange } from '@octet/backend';
import type { PerTensorQParams } from '../../qparams';

/** The integers that stand for two real numbers, for the ends of the dtype where those lie outside. */
export function quantizedBounds(
  { scale, zeroPoint }: PerTensorQParams,
  dtype: QuantizedDType,
  min: number,
  max: number,
): [min: number, max: number] {
  const [qmin, qmax] = quantRange[dtype];
  const bound = (v: number) => Math.min(Math.max(quantizeNumber(v, scale, zeroPoint), qmin), qmax);
  return [bound(min), bound(max)];
}
