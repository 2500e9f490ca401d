import { requireTensor } from '../kernel';
import type { Tensor } from '../tensor';
import { unaryFromOutput } from './elementwise';
import { qsigmoid } from './quantized/qsigmoid';

/** 1 / (1 + e^-x). A quantized tensor gets scale 1/256 and the lowest integer as zero point. */
export function sigmoid(x: Tensor): Tensor {
  requireTensor('sigmoid', x);
  return x.qparams ? qsigmoid(x) : unaryFromOutput('sigmoid', 'sigmoidBackward', x, {});
}
