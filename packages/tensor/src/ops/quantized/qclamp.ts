import { type QuantizedDType, quantizeNumber, quantRange } from '@octet/backend';
import { requirePerTensor } from '../../qparams';
import type { Tensor } from '../../tensor';
import { lookup } from './lookup';

/** Clamps a quantized tensor between two real numbers, in the domain of its integers. Scale and zero point stay. */
export function qclamp(op: string, x: Tensor, min: number, max: number): Tensor {
  const { scale, zeroPoint } = requirePerTensor(op, x.qparams as NonNullable<Tensor['qparams']>);
  const [qmin, qmax] = quantRange[x.dtype as QuantizedDType];
  const bound = (v: number) => Math.min(Math.max(quantizeNumber(v, scale, zeroPoint), qmin), qmax);
  const lo = bound(min);
  const hi = bound(max);
  return lookup(op, x, x.dtype, x.qparams, (q) => Math.min(Math.max(q, lo), hi));
}
