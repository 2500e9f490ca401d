import { convert, prepare, prepareQat } from '@octet/quantization';
import { noGrad } from '@octet/tensor';
import type { HostLike, Output } from '../compare';
import type { GoldenCase, Handler } from '../golden-case';
import { describeInt8, traceInt8 } from './int8-model';
import { type BlockParams, Model } from './mobile-model';
import { type QConfigName, qconfigs } from './qconfigs';
import { snapshots } from './record';
import { type TrainingParams, train } from './train';

interface ModelParams {
  blocks: readonly BlockParams[];
}

function loadModel(c: GoldenCase<ModelParams>): Model {
  const model = new Model(c.params.blocks);
  model.loadStateDict(c.tensors('state.'), { strict: false });
  return model;
}

/** Evaluation mode, before and after fusing. */
export const modelFloat: Handler<ModelParams> = async (c) => {
  const model = loadModel(c).eval();
  const x = c.tensor('x_test');
  const y = noGrad(() => model.call(x));
  model.fuseModel();
  return { y, y_fused: noGrad(() => model.call(x)), ...(await snapshots('fused.', model.stateDict())) };
};

interface PtqParams extends ModelParams {
  qconfig: QConfigName;
  n_calib: number;
}

/** Calibrated and converted: observers' ranges, int8 weights, and the integers of every layer. */
export const modelPtq: Handler<PtqParams> = async (c) => {
  const model = loadModel(c).eval();
  model.fuseModel();
  const x = c.tensor('x_test');
  const yFloat = noGrad(() => model.call(x));
  model.qconfig = qconfigs[c.params.qconfig];
  const prepared = prepare(model);
  for (let i = 0; i < c.params.n_calib; i++) noGrad(() => prepared.call(c.tensor(`calib${i}`)));
  const observed = await snapshots('obs.', prepared.stateDict());
  const int8 = await convert(prepared);
  return {
    ...observed,
    y_float: yFloat,
    ...(await describeInt8('int8.', int8)),
    ...(await traceInt8(int8, x)),
  };
};

/** What comes of a trained model: its state and float output, and the int8 model with the integers of every layer. */
async function finish(
  c: GoldenCase<ModelParams>,
  trained: Model,
  yName: string,
): Promise<Record<string, Output>> {
  const state = await snapshots('state_after.', trained.stateDict());
  trained.eval();
  const x = c.tensor('x_test');
  // On a copy: its observers go on watching, and conversion must not know of this batch.
  const watched = trained.clone();
  const y = noGrad(() => watched.call(x));
  const int8 = await convert(trained);
  return { ...state, [yName]: y, ...(await describeInt8('int8.', int8)), ...(await traceInt8(int8, x)) };
}

/** Trained with fake quantization and BatchNorm, then converted. */
export const modelQat: Handler<ModelParams & TrainingParams & { qconfig: QConfigName }> = async (c) => {
  const float = loadModel(c).train();
  float.fuseModel();
  float.qconfig = qconfigs[c.params.qconfig];
  const model = prepareQat(float);
  return { ...(await train(c, model)), ...(await finish(c, model, 'y_fake_quant')) };
};

/** Plain observers in a model that is fused first and prepared for training: nothing is fake-quantized. */
export const modelTutorial: Handler<ModelParams & TrainingParams> = async (c) => {
  const float = loadModel(c).eval();
  float.fuseModel();
  float.qconfig = qconfigs.tutorial;
  float.train();
  const model = prepareQat(float);
  const untrained = await noGrad(() => float.call(c.tensor('x0'))).data();
  const trained = await train(c, model);
  const prepared = (trained['step0.y'] as HostLike).data;
  return {
    ...trained,
    prepared_equals_float: Number(untrained.every((v, i) => v === prepared[i])),
    ...(await finish(c, model, 'y_float')),
  };
};
