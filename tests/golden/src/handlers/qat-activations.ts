import { Conv2d, Module, Sigmoid, Tanh } from '@octet/nn';
import { convert, DeQuantStub, prepareQat, QuantStub } from '@octet/quantization';
import { noGrad, type Tensor } from '@octet/tensor';
import type { Handler } from '../golden-case';
import { type QConfigName, qconfigs } from './qconfigs';

class Activations extends Module {
  readonly quant = new QuantStub();
  readonly conv = new Conv2d(2, 4, 3);
  readonly sigmoid = new Sigmoid();
  readonly pointwise = new Conv2d(4, 3, 1);
  readonly tanh = new Tanh();
  readonly dequant = new DeQuantStub();

  override forward(x: Tensor): Tensor {
    const h = this.sigmoid.call(this.conv.call(this.quant.call(x)));
    return this.dequant.call(this.tanh.call(this.pointwise.call(h)));
  }
}

/** A trained checkpoint, loaded strictly: its output in evaluation, and in int8. */
export const qatActivations: Handler<{ qconfig: QConfigName }> = async (c) => {
  const float = new Activations().train();
  float.qconfig = qconfigs[c.params.qconfig];
  const model = prepareQat(float);
  model.loadStateDict(c.tensors('state.'));
  model.eval();
  const x = c.tensor('x');
  const y = noGrad(() => model.call(x));
  const int8 = await convert(model);
  return { y, int8: noGrad(() => int8.call(x)) };
};
