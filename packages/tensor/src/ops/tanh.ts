import { requireTensor } from '../kernel';
import type { Tensor } from '../tensor';
import { unaryFromOutput } from './elementwise';
import { qtanh } from './quantized/qtanh';

/** The hyperbolic tangent. A quantized tensor gets scale 1/128 and the middle integer as zero point. */
export function tanh(x: Tensor): Tensor {
  requireTensor('tanh', x);
  return x.qparams ? qtanh(x) : unaryFromOutput('tanh', 'tanhBackward', x, {});
}
