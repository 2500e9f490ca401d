import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Flatten,
  init,
  Linear,
  Module,
  ReLU,
  Sequential,
} from '@octet/nn';
import { DeQuantStub, FloatFunctional, fuse, intrinsic, QuantStub } from '@octet/quantization';
import { manualSeed, noGrad, rand, randn, type Tensor } from '@octet/tensor';
import { ConvBNReLU, QInvertedResidual } from '@octet/vision';

/** Two convolutions around a sum, and a linear layer: every kind of layer, in odd sizes. */
export class Net extends Module {
  readonly quant = new QuantStub();
  readonly first = new Sequential(new Conv2d(2, 5, 3, { padding: 1 }), new ReLU());
  readonly second = new Sequential(new Conv2d(5, 5, 1));
  readonly skip = new FloatFunctional();
  readonly head = new Sequential(new Flatten(), new Linear(45, 7));
  readonly dequant = new DeQuantStub();

  forward(x: Tensor): Tensor {
    const a = this.first.call(this.quant.call(x));
    return this.dequant.call(this.head.call(this.skip.add(a, this.second.call(a))));
  }
}

/** In evaluation mode, not fused; the same at every call. */
export function createNet(): Net {
  manualSeed(1);
  return new Net().eval();
}

export const fusedNet = () => fuse(createNet());

export function batches(count: number, seed = 2): Tensor[] {
  manualSeed(seed);
  return Array.from({ length: count }, () => randn([3, 2, 3, 3]));
}

/** Inverted residuals, one of them with a residual, as in MobileNetV2. */
export class MobileNet extends Module {
  readonly quant = new QuantStub();
  readonly dequant = new DeQuantStub();
  readonly layers: Sequential;

  constructor({ relu6 = false } = {}) {
    super();
    this.layers = new Sequential(
      new ConvBNReLU(3, 5, { stride: 2, relu6 }),
      new QInvertedResidual(5, 5, 1, 3, { relu6 }),
      new QInvertedResidual(5, 7, 2, 3, { relu6 }),
      new QInvertedResidual(7, 6, 1, 2, { relu6 }),
      new AdaptiveAvgPool2d(2),
      new Flatten(),
      new Linear(24, 5),
    );
    for (const module of this.modules()) {
      if (module instanceof Conv2d) init.kaimingNormal_(module.weight, { nonlinearity: 'relu' });
      if (module instanceof BatchNorm2d) init.uniform_(module.bias as Tensor, -0.5, 0.5);
    }
  }

  forward(x: Tensor): Tensor {
    return this.dequant.call(this.layers.call(this.quant.call(x)));
  }
}

export function mobileNet(options?: { relu6: boolean }): MobileNet {
  const net = new MobileNet(options).eval();
  for (const module of net.modules()) {
    if (module instanceof ConvBNReLU || module instanceof QInvertedResidual) module.fuseModel();
  }
  return net;
}

/** Scales the hidden channels of every block by e⁻⁴ … e⁴, and the layer after them back: the same function. */
export function spoil(net: MobileNet): MobileNet {
  for (const block of [1, 2, 3]) {
    const [expand, depthwise, project] = ['conv.0.0', 'conv.1.0', 'conv.2'].map((path) => {
      const layer = net.getSubmodule(`layers.${block}.${path}`);
      return layer instanceof intrinsic.ConvReLU2d ? layer.conv : (layer as Conv2d);
    });
    for (const [first, second, inputs] of [
      [expand, depthwise, [-1, 1, 1, 1]],
      [depthwise, project, [1, -1, 1, 1]],
    ] as const) {
      const scale = rand([first.outChannels]).affine(8, -4).exp();
      noGrad(() => {
        first.weight.copy_(first.weight.mul(scale.reshape([-1, 1, 1, 1])));
        first.bias?.copy_(first.bias.mul(scale));
        second.weight.copy_(second.weight.div(scale.reshape(inputs)));
      });
    }
  }
  return net;
}

export const images = (count: number) => Array.from({ length: count }, () => randn([4, 3, 9, 9]));
