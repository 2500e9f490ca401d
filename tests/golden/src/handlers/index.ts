import type { Handler } from '../golden-case';
import { attentionModule } from './attention-module';
import { batchNorm2d } from './batch-norm2d';
import { bert } from './bert';
import { dynamicLinear, dynamicLstm } from './dynamic';
import { embeddingBag } from './embedding-bag';
import { fakeQuantModule } from './fake-quant-module';
import { fakeQuantize } from './fake-quantize';
import { floatOp } from './float-op';
import { fold, fuse } from './fuse';
import { instanceNorm2d } from './instance-norm2d';
import {
  qbinary,
  qconv1d,
  qconv2d,
  qconvTranspose1d,
  qconvTranspose2d,
  qlinear,
  qscalar,
  qunary,
} from './int8';
import { learnableFakeQuantModule, learnableFakeQuantOp } from './learnable-fake-quant';
import { lrScheduler } from './lr-scheduler';
import { modelFloat, modelPtq, modelQat, modelTutorial } from './model';
import { observer } from './observer';
import { optimizer } from './optimizer';
import { pt } from './pt';
import { qatActivations } from './qat-activations';
import { qatModule } from './qat-module';
import { qnorm } from './qnorm';
import { quantizePerChannel, quantizePerTensor, requantize, weightQuantize } from './quantize';
import { tensorOps } from './tensor-ops';
import { weightOnlyEmbedding } from './weight-only';

/** What computes each `params.op`. */
export const handlers: Readonly<Record<string, Handler>> = {
  observer,
  quantize_per_tensor: quantizePerTensor,
  quantize_per_channel: quantizePerChannel,
  requantize,
  weight_quantize: weightQuantize,
  fake_quantize: fakeQuantize,
  fake_quant_module: fakeQuantModule,
  learnable_fake_quant_op: learnableFakeQuantOp,
  learnable_fake_quant_module: learnableFakeQuantModule,
  float_op: floatOp,
  attention_module: attentionModule,
  bert,
  embedding_bag: embeddingBag,
  weight_only_embedding: weightOnlyEmbedding,
  batch_norm2d: batchNorm2d,
  instance_norm2d: instanceNorm2d,
  optimizer,
  lr_scheduler: lrScheduler,
  fuse,
  fold,
  qat_module: qatModule,
  qat_activations: qatActivations,
  qconv1d,
  qconv2d,
  qconv_transpose1d: qconvTranspose1d,
  qconv_transpose2d: qconvTranspose2d,
  qlinear,
  qbinary,
  qscalar,
  qunary,
  qnorm,
  dynamic_linear: dynamicLinear,
  dynamic_lstm: dynamicLstm,
  model_float: modelFloat,
  model_ptq: modelPtq,
  model_qat: modelQat,
  model_tutorial: modelTutorial,
  tensor_ops: tensorOps,
  pt,
};

/** Groups left out of the count, and why. */
export const excluded: Readonly<Record<string, string>> = {};
