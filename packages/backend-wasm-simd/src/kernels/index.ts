import type { WasmKernels } from '../kernel';
import { attentionBackward } from './attention';
import { conv2dBackwardInput, conv2dBackwardWeight } from './conv2d';
import { backward } from './elementwise';
import { gruBackward } from './gru';
import { inferenceKernels } from './inference';
import { lstmBackward } from './lstm';
import { batchNormBackward, batchNormTrain, layerNormBackward } from './norm';
import {
  chooseQparams,
  fakeQuantize,
  fusedMovingAvgObsFakeQuant,
  fusedMovingAvgObsFakeQuantBackward,
  learnableFakeQuantizeBackward,
  observeMinMax,
} from './observers';
import {
  calculateQparams,
  cumprodBackward,
  embeddingBackward,
  nllLoss,
  nllLossBackward,
  prodBackward,
} from './on-host';
import { adamStep, sgdStep } from './optim';
import { adaptiveAvgPool2dBackward, avgPool2dBackward, maxPool2dBackward } from './pool';
import { amaxBackward, logSoftmaxBackward, softmaxBackward } from './softmax';

/** All kernels: those of inference, and of training. */
export const kernels: WasmKernels = {
  ...inferenceKernels,
  ...backward,
  amaxBackward,
  softmaxBackward,
  logSoftmaxBackward,
  nllLoss,
  nllLossBackward,
  conv2dBackwardInput,
  conv2dBackwardWeight,
  lstmBackward,
  gruBackward,
  attentionBackward,
  batchNormTrain,
  batchNormBackward,
  layerNormBackward,
  maxPool2dBackward,
  avgPool2dBackward,
  adaptiveAvgPool2dBackward,
  embeddingBackward,
  sgdStep,
  adamStep,
  observeMinMax,
  calculateQparams,
  chooseQparams,
  fakeQuantize,
  learnableFakeQuantizeBackward,
  cumprodBackward,
  prodBackward,
  fusedMovingAvgObsFakeQuant,
  fusedMovingAvgObsFakeQuantBackward,
};
