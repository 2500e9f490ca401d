import type { WasmKernels } from '../kernel';
import { attention, attentionBackward } from './attention';
import { conv2d, conv2dBackwardInput, conv2dBackwardWeight, convTranspose2d } from './conv2d';
import { copyStrided } from './copy-strided';
import { elementwise } from './elementwise';
import { qlinearWeightOnly } from './grouped-integers';
import { gru, gruBackward, qgruDynamic } from './gru';
import { lstm, lstmBackward, qlstmDynamic } from './lstm';
import { linear, matmul } from './matmul';
import { batchNormBackward, batchNormEval, batchNormTrain, layerNorm, layerNormBackward } from './norm';
import {
  chooseQparams,
  fakeQuantize,
  fusedMovingAvgObsFakeQuant,
  fusedMovingAvgObsFakeQuantBackward,
  learnableFakeQuantizeBackward,
  observeMinMax,
} from './observers';
import {
  argsort,
  calculateQparams,
  cast,
  cumprod,
  cumprodBackward,
  cumsum,
  embedding,
  embeddingBackward,
  fill,
  gather,
  nllLoss,
  nllLossBackward,
  prod,
  prodBackward,
  qembedding,
  scatter,
} from './on-host';
import { adamStep, sgdStep } from './optim';
import {
  adaptiveAvgPool2d,
  adaptiveAvgPool2dBackward,
  avgPool2d,
  avgPool2dBackward,
  maxPool2d,
  maxPool2dBackward,
} from './pool';
import { qconvTranspose2d } from './qconv-transpose2d';
import { qconv2d } from './qconv2d';
import { qadd, qaffine, qlookup, qmul } from './qelementwise';
import { qlinear, qlinearDynamic } from './qlinear';
import { qgroupNorm } from './qnorm';
import { qadaptiveAvgPool2d, qavgPool2d, qmaxPool2d } from './qpool';
import { dequantize, quantize } from './quantize';
import { sum } from './reductions';
import { qresample2d, resample2d } from './resample';
import {
  amax,
  amaxBackward,
  argmax,
  logSoftmax,
  logSoftmaxBackward,
  softmax,
  softmaxBackward,
  variance,
} from './softmax';

/** The kernels, in the table's order. */
export const kernels: WasmKernels = {
  fill,
  cast,
  copyStrided,
  ...elementwise,
  gather,
  scatter,
  cumsum,
  cumprod,
  cumprodBackward,
  prod,
  prodBackward,
  argsort,
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
  convTranspose2d,
  lstm,
  lstmBackward,
  gru,
  gruBackward,
  attention,
  attentionBackward,
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
  resample2d,
  embedding,
  embeddingBackward,
  sgdStep,
  adamStep,
  observeMinMax,
  calculateQparams,
  chooseQparams,
  fakeQuantize,
  fusedMovingAvgObsFakeQuant,
  fusedMovingAvgObsFakeQuantBackward,
  learnableFakeQuantizeBackward,
  quantize,
  dequantize,
  qlookup,
  qconv2d,
  qconvTranspose2d,
  qlinear,
  qlinearDynamic,
  qlinearWeightOnly,
  qembedding,
  qlstmDynamic,
  qgruDynamic,
  qadd,
  qmul,
  qaffine,
  qgroupNorm,
  qmaxPool2d,
  qavgPool2d,
  qresample2d,
  qadaptiveAvgPool2d,
};
