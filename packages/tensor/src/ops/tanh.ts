import { requireTensor } from '../kernel';
import type { Tensor } from '../tensor';
import { unaryFromOutput } from './elementwise';
import { quantizedFixedRange } from './quantized/functions';

/** The hyperbolic tangent. A quantized tensor gets scale 1/128 and the middle integer as zero point. */
export function tanh(x: Tensor): Tensor {
  requireTensor('tanh', x);
  return x.qparams ? quantizedFixedRange('tanh', x) : unaryFromOutput('tanh', 'tanhBackward', x, {});
}
