import type { Kernels } from '@octet/backend';
import type { HostBuffer } from '../host-buffer';
import { adamStep } from './adam-step';
import { adaptiveAvgPool2d, adaptiveAvgPool2dBackward } from './adaptive-avg-pool2d';
import { amax, amaxBackward } from './amax';
import { applyMask } from './apply-mask';
import { argmax } from './argmax';
import { avgPool2d, avgPool2dBackward } from './avg-pool2d';
import { batchNormBackward, batchNormEval, batchNormTrain } from './batch-norm';
import { calculateQparams } from './calculate-qparams';
import { cast } from './cast';
import { chooseQparams } from './choose-qparams';
import { conv2d, conv2dBackwardInput, conv2dBackwardWeight } from './conv2d';
import { copyStrided } from './copy-strided';
import { dequantize } from './dequantize';
import { elementwise } from './elementwise';
import { embedding, embeddingBackward } from './embedding';
import { fakeQuantize, learnableFakeQuantizeBackward } from './fake-quantize';
import { fill } from './fill';
import { gru, gruBackward, qgruDynamic } from './gru';
import { layerNorm, layerNormBackward } from './layer-norm';
import { linear } from './linear';
import { logSoftmax, logSoftmaxBackward } from './log-softmax';
import { lstm, lstmBackward, qlstmDynamic } from './lstm';
import { matmul } from './matmul';
import { maxPool2d, maxPool2dBackward } from './max-pool2d';
import { nllLoss, nllLossBackward } from './nll-loss';
import { observeMinMax } from './observe-min-max';
import { qadaptiveAvgPool2d } from './qadaptive-avg-pool2d';
import { qadd } from './qadd';
import { qavgPool2d } from './qavg-pool2d';
import { qconv2d } from './qconv2d';
import { qlinear } from './qlinear';
import { qlinearDynamic } from './qlinear-dynamic';
import { qlookup } from './qlookup';
import { qmaxPool2d } from './qmax-pool2d';
import { qmul } from './qmul';
import { quantize } from './quantize';
import { sgdStep } from './sgd-step';
import { softmax, softmaxBackward } from './softmax';
import { sum } from './sum';
import { variance } from './variance';

/** Every kernel of the table. The type makes a forgotten one a compile error. */
export const kernels: Required<Kernels<HostBuffer>> = {
  fill,
  cast,
  copyStrided,
  ...elementwise,
  applyMask,
  sum,
  amax,
  amaxBackward,
  argmax,
  variance,
  softmax,
  softmaxBackward,
  logSoftmax,
  logSoftmaxBackward,
  nllLoss,
  nllLossBackward,
  matmul,
  linear,
  conv2d,
  conv2dBackwardInput,
  conv2dBackwardWeight,
  lstm,
  lstmBackward,
  gru,
  gruBackward,
  batchNormTrain,
  batchNormEval,
  batchNormBackward,
  layerNorm,
  layerNormBackward,
  maxPool2d,
  maxPool2dBackward,
  avgPool2d,
  avgPool2dBackward,
  adaptiveAvgPool2d,
  adaptiveAvgPool2dBackward,
  embedding,
  embeddingBackward,
  sgdStep,
  adamStep,
  observeMinMax,
  calculateQparams,
  chooseQparams,
  fakeQuantize,
  learnableFakeQuantizeBackward,
  quantize,
  dequantize,
  qlookup,
  qconv2d,
  qlinear,
  qlinearDynamic,
  qlstmDynamic,
  qgruDynamic,
  qadd,
  qmul,
  qmaxPool2d,
  qavgPool2d,
  qadaptiveAvgPool2d,
};
