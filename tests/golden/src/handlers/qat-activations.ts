import { Conv2d, Hardsigmoid, Module, Sigmoid, Softmax, Tanh } from '@octet/nn';
import { convert, DeQuantStub, prepareQat, QuantStub } from '@octet/quantization';
import { noGrad, type Tensor } from '@octet/tensor';
import type { Outputs } from '../compare';
import type { Handler } from '../golden-case';
import { type QConfigName, qconfigs } from './qconfigs';

class Activations extends Module {
  readonly quant = new QuantStub();
  readonly conv = new Conv2d(2, 4, 3);
  readonly sigmoid: Module;
  readonly pointwise = new Conv2d(4, 3, 1);
  readonly tanh: Module;
  readonly dequant = new DeQuantStub();

  constructor(first: Module, second: Module) {
    super();
    this.sigmoid = first;
    this.tanh = second;
  }

  override forward(x: Tensor): Tensor {
    const h = this.sigmoid.call(this.conv.call(this.quant.call(x)));
    return this.dequant.call(this.tanh.call(this.pointwise.call(h)));
  }
}

const activations: Readonly<Record<string, () => Module>> = {
  sigmoid: () => new Sigmoid(),
  tanh: () => new Tanh(),
  hardsigmoid: () => new Hardsigmoid(),
  softmax: () => new Softmax(1),
};

interface Params {
  qconfig: QConfigName;
  /** Sigmoid and tanh unless given. */
  kinds?: [string, string];
}

/** A trained checkpoint, loaded strictly: its output in evaluation, and in int8. */
export const qatActivations: Handler<Params> = async (c) => {
  const [first, second] = (c.params.kinds ?? ['sigmoid', 'tanh']).map((kind) => activations[kind]());
  const float = new Activations(first, second).train();
  float.qconfig = qconfigs[c.params.qconfig];
  const model = prepareQat(float);
  model.loadStateDict(c.tensors('state.'));
  model.eval();
  const x = c.tensor('x');
  const y = noGrad(() => model.call(x));
  const outputs: Record<string, Outputs[string]> = { y };
  if (c.wanted.includes('int8')) {
    const int8 = await convert(model);
    outputs.int8 = noGrad(() => int8.call(x));
  }
  return outputs;
};
