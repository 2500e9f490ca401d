import { Module } from '@octet/nn';
import {
  convert,
  DeQuantStub,
  disableObserver,
  fuseModulesQat,
  prepareQat,
  QuantStub,
  qat,
} from '@octet/quantization';
import { noGrad, type Tensor } from '@octet/tensor';
import type { Handler } from '../golden-case';
import { describeInt8 } from './int8-model';
import { type LayerParams, Layers } from './layers';
import { type QConfigName, qconfigs } from './qconfigs';
import { type TrainingParams, train } from './train';

/** The layers of a fixture between stubs. */
class Stubbed extends Module {
  readonly quant = new QuantStub();
  readonly body: Layers;
  readonly dequant = new DeQuantStub();

  constructor(params: LayerParams) {
    super();
    this.body = new Layers(params);
  }

  override forward(x: Tensor): Tensor {
    return this.dequant.call(this.body.call(this.quant.call(x)));
  }
}

interface QatModuleParams extends LayerParams, TrainingParams {
  qconfig: QConfigName;
  slow_path: boolean;
}

export const qatModule: Handler<QatModuleParams> = async (c) => {
  const { qconfig, slow_path } = c.params;
  const float = new Stubbed(c.params);
  float.loadStateDict(c.tensors('state.'), { strict: false });
  float.train();
  const { names } = float.body;
  if (names.length > 1) fuseModulesQat(float.body, names);
  float.qconfig = qconfigs[qconfig];
  const model = prepareQat(float);
  for (const module of model.modules()) {
    if (module instanceof qat.ConvBn1d || module instanceof qat.ConvBn2d) module.slowPath = slow_path;
  }

  const out = await train(c, model);
  const x = c.tensor('x_test');
  model.eval().apply(disableObserver);
  out['eval.y'] = noGrad(() => model.call(x));
  const int8 = await convert(model);
  return { ...out, ...(await describeInt8('int8.', int8)), 'int8.y': noGrad(() => int8.call(x)) };
};
