import type { QuantizedDType } from '@octet/backend';
import { requirePerTensor } from '../../qparams';
import type { Tensor } from '../../tensor';
import { dequantized, lookup, rounded } from './lookup';

/** tanh of an 8-bit tensor: scale 1/128 around the middle integer, which stands for 0. */
export function qtanh(x: Tensor): Tensor {
  const zeroPoint = x.dtype === 'quint8' ? 128 : 0;
  const scale = 1 / 128;
  const from = requirePerTensor('tanh', x.qparams as NonNullable<Tensor['qparams']>);
  return lookup('tanh', x, x.dtype, { scheme: 'perTensor', scale, zeroPoint }, (q) =>
    rounded(Math.tanh(dequantized(q, from)) / scale, zeroPoint, x.dtype as QuantizedDType),
  );
}
