import {
  AdaptiveAvgPool2d,
  type AnyModule,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  Hardswish,
  Linear,
  Module,
  ReLU,
  ReLU6,
  Sequential,
} from '@octet/nn';
import {
  convert,
  DeQuantStub,
  FloatFunctional,
  fuseModules,
  fuseModulesQat,
  getDefaultQConfig,
  prepare,
  type QEngine,
  QuantStub,
} from '@octet/quantization';
import { noGrad, rand, randn, type Tensor } from '@octet/tensor';

type Activation = 'relu' | 'relu6' | 'hardswish';

function fuseLayers(model: Module, layers: string[]): void {
  (model.training ? fuseModulesQat : fuseModules)(model, layers);
}

const activations = { relu: ReLU, relu6: ReLU6, hardswish: Hardswish };

class ConvBNActivation extends Sequential {
  constructor(
    nIn: number,
    nOut: number,
    { kernelSize = 3, stride = 1, groups = 1, activation = 'relu' as Activation } = {},
  ) {
    super(
      new Conv2d(nIn, nOut, kernelSize, { stride, padding: (kernelSize - 1) / 2, groups, bias: false }),
      new BatchNorm2d(nOut),
      new activations[activation](),
    );
  }

  fuseModel(): void {
    fuseLayers(this, this[2] instanceof ReLU ? ['0', '1', '2'] : ['0', '1']);
  }
}

/** The block of the tutorial's network and of MobileNetV2. */
class QInvertedResidual extends Module {
  readonly conv: Sequential;
  readonly useRes: boolean;
  readonly skipAdd = new FloatFunctional();

  constructor(
    nIn: number,
    nOut: number,
    stride: number,
    expandRatio: number,
    activation: Activation = 'relu',
  ) {
    super();
    const hidden = nIn * expandRatio;
    this.useRes = stride === 1 && nIn === nOut;
    this.conv = new Sequential(
      ...(expandRatio === 1 ? [] : [new ConvBNActivation(nIn, hidden, { kernelSize: 1, activation })]),
      new ConvBNActivation(hidden, hidden, { stride, groups: hidden, activation }),
      new Conv2d(hidden, nOut, 1, { bias: false }),
      new BatchNorm2d(nOut),
    );
  }

  forward(x: Tensor): Tensor {
    return this.useRes ? this.skipAdd.add(x, this.conv.call(x)) : this.conv.call(x);
  }

  fuseModel(): void {
    this.conv.children().forEach((layer, i) => {
      if (layer.constructor === Conv2d) fuseLayers(this.conv, [`${i}`, `${i + 1}`]);
    });
  }
}

/** A network from stub to stub. */
export class Net extends Module {
  readonly layers: Sequential;
  readonly quant = new QuantStub();
  readonly dequant = new DeQuantStub();

  constructor(...layers: Module[]) {
    super();
    this.layers = new Sequential(...layers);
  }

  forward(x: Tensor): Tensor {
    return this.dequant.call(this.layers.call(this.quant.call(x)));
  }

  fuseModel(): this {
    for (const m of this.modules()) {
      if (m instanceof ConvBNActivation || m instanceof QInvertedResidual) m.fuseModel();
    }
    return this;
  }
}

/** The tutorial's network, narrower. */
export const seedNet = () =>
  new Net(
    new QInvertedResidual(3, 8, 1, 2),
    new QInvertedResidual(8, 16, 2, 2),
    new QInvertedResidual(16, 16, 1, 2),
  );

/** The digits network: a 5 × 5 stem, blocks, a linear head. */
export const digitsNet = () =>
  new Net(
    new ConvBNActivation(1, 8, { kernelSize: 5, stride: 2 }),
    new QInvertedResidual(8, 16, 2, 1),
    new QInvertedResidual(16, 16, 1, 3),
    new AdaptiveAvgPool2d(1),
    new Flatten(),
    new Linear(16, 10),
  );

/** MobileNetV2's parts: a strided stem, ReLU6 or hardswish, dropout. */
export const mobileNet = (activation: Activation = 'relu6') =>
  new Net(
    new ConvBNActivation(3, 8, { stride: 2, activation }),
    new QInvertedResidual(8, 8, 1, 1, activation),
    new QInvertedResidual(8, 12, 2, 6, activation),
    new QInvertedResidual(12, 12, 1, 6, activation),
    new ConvBNActivation(12, 32, { kernelSize: 1, activation }),
    new AdaptiveAvgPool2d(1),
    new Flatten(),
    new Dropout(0.2),
    new Linear(32, 12),
  );

/** Gives batch normalisations something to do, and puts the model into evaluation. */
export function trained<M extends AnyModule>(model: M): M {
  for (const m of model.modules()) {
    if (!(m instanceof BatchNorm2d)) continue;
    m.runningMean?.copy_(randn([m.numFeatures]).mul(0.2));
    m.runningVar?.copy_(rand([m.numFeatures]).add(0.3));
    noGrad(() => m.weight?.copy_(rand([m.numFeatures]).add(0.5)));
    noGrad(() => m.bias?.copy_(randn([m.numFeatures]).mul(0.3)));
  }
  return model.eval();
}

/** The int8 twin of a model in evaluation mode, calibrated on `data`. */
export async function quantized<M extends Module>(model: M, engine: QEngine, data: Tensor): Promise<M> {
  const copy = model.clone();
  if (copy instanceof Net) copy.fuseModel();
  copy.qconfig = getDefaultQConfig(engine);
  const prepared = prepare(copy);
  noGrad(() => prepared.call(data));
  return convert(prepared);
}
