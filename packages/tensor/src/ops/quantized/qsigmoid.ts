import { type QuantizedDType, quantRange } from '@octet/backend';
import { requirePerTensor } from '../../qparams';
import type { Tensor } from '../../tensor';
import { dequantized, lookup, rounded } from './lookup';

/** sigmoid of an 8-bit tensor: scale 1/256, so that all 256 integers stand for [0, 1). */
export function qsigmoid(x: Tensor): Tensor {
  const [zeroPoint] = quantRange[x.dtype as QuantizedDType];
  const scale = 1 / 256;
  const from = requirePerTensor('sigmoid', x.qparams as NonNullable<Tensor['qparams']>);
  return lookup('sigmoid', x, x.dtype, { scheme: 'perTensor', scale, zeroPoint }, (q) =>
    rounded(1 / (1 + Math.exp(-dequantized(q, from))) / scale, zeroPoint, x.dtype as QuantizedDType),
  );
}
