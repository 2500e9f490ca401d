import { requireTensor } from '../kernel';
import type { Tensor } from '../tensor';
import { unaryFromOutput } from './elementwise';
import { quantizedFixedRange } from './quantized/functions';

/** 1 / (1 + e^-x). A quantized tensor gets scale 1/256 and the lowest integer as zero point. */
export function sigmoid(x: Tensor): Tensor {
  requireTensor('sigmoid', x);
  return x.qparams ? quantizedFixedRange('sigmoid', x) : unaryFromOutput('sigmoid', 'sigmoidBackward', x, {});
}
