import type { WasmKernels } from '../kernel';
import { attention } from './attention';
import { conv2d, convTranspose2d } from './conv2d';
import { forward } from './elementwise';
import { gru } from './gru';
import { int8Kernels } from './int8';
import { lstm } from './lstm';
import { linear, matmul } from './matmul';
import { batchNormEval, layerNorm } from './norm';
import { argsort, cumprod, cumsum, embedding, gather, prod, scatter } from './on-host';
import { adaptiveAvgPool2d, avgPool2d, maxPool2d } from './pool';
import { sum } from './reductions';
import { resample2d } from './resample';
import { amax, argmax, logSoftmax, softmax, variance } from './softmax';

/** The kernels of inference, int8 and float. */
export const inferenceKernels = {
  ...int8Kernels,
  ...forward,
  sum,
  amax,
  argmax,
  variance,
  softmax,
  logSoftmax,
  matmul,
  linear,
  conv2d,
  lstm,
  gru,
  attention,
  batchNormEval,
  layerNorm,
  maxPool2d,
  avgPool2d,
  adaptiveAvgPool2d,
  embedding,
  gather,
  scatter,
  cumsum,
  cumprod,
  prod,
  argsort,
  convTranspose2d,
  resample2d,
} satisfies Partial<WasmKernels>;
