/** A fusion pattern of one's own: four layers that become one, in float, in training and in int8; and its rule. */
import { BatchNorm2d, Conv2d, Identity, MaxPool2d, type Module, ReLU } from '@octet/nn';
import { intrinsic, type ModuleRule, type QConfig, qat, quantized } from '@octet/quantization';
import type { Tensor } from '@octet/tensor';

/** Convolution, batch normalisation (or an Identity, once it is folded), ReLU and max pooling. */
export class ConvReLUPool2d extends intrinsic.FusedModule {
  static override readonly name: string = 'ConvReLUPool2d';

  constructor(
    conv: Conv2d,
    norm: BatchNorm2d | Identity,
    relu: ReLU,
    readonly window: MaxPool2d,
  ) {
    super(conv, norm, relu, window);
  }

  get conv(): Conv2d {
    return this.at(0) as Conv2d;
  }

  get norm(): BatchNorm2d | Identity {
    return this.at(1) as BatchNorm2d | Identity;
  }

  override toFloat(): Module {
    const { conv, norm, window } = this;
    return norm instanceof BatchNorm2d ? folded(conv, norm, new ReLU(), window) : this;
  }
}

function folded(conv: Conv2d, norm: BatchNorm2d, relu: ReLU, window: MaxPool2d): ConvReLUPool2d {
  return new ConvReLUPool2d(
    new intrinsic.ConvBn2d(conv, norm).toFloat(),
    new Identity(),
    relu,
    window,
  ).eval();
}

class QatConvReLUPool2d extends qat.ConvBnReLU2d {
  static override readonly name: string = 'QatConvReLUPool2d';

  readonly window: MaxPool2d;

  constructor({ conv, norm, window }: ConvReLUPool2d, qconfig: QConfig) {
    super(conv, norm as BatchNorm2d, qconfig);
    this.window = window;
  }

  override forward(x: Tensor): Tensor {
    return this.window.call(super.forward(x));
  }

  override toFloat(): Module {
    const [conv, relu] = super.toFloat() as intrinsic.ConvReLU2d;
    return new ConvReLUPool2d(conv as Conv2d, new Identity(), relu as ReLU, this.window).eval();
  }
}

class QuantizedConvReLUPool2d extends quantized.ConvReLU2d {
  static override readonly name: string = 'QuantizedConvReLUPool2d';

  window = new MaxPool2d(1);

  override forward(x: Tensor): Tensor {
    return this.window.call(super.forward(x));
  }

  override toFloat(): Module {
    const [conv, relu] = super.toFloat() as intrinsic.ConvReLU2d;
    return new ConvReLUPool2d(conv as Conv2d, new Identity(), relu as ReLU, this.window).eval();
  }
}

export const convReLUPool2d: ModuleRule = {
  float: ConvReLUPool2d,
  pattern: [Conv2d, BatchNorm2d, ReLU, MaxPool2d],
  fuse: folded,
  fuseQat: (conv: Conv2d, norm: BatchNorm2d, relu: ReLU, window: MaxPool2d) =>
    new ConvReLUPool2d(conv, norm, relu, window),
  qat: { type: QatConvReLUPool2d, from: (fused: ConvReLUPool2d, q) => new QatConvReLUPool2d(fused, q) },
  observe: true,
  async int8(layer: ConvReLUPool2d | QatConvReLUPool2d, at) {
    const conv = layer instanceof ConvReLUPool2d ? layer.conv : layer;
    const { weight, bias } = layer instanceof ConvReLUPool2d ? layer.conv : layer.folded();
    const int8 = new QuantizedConvReLUPool2d(
      conv,
      await at.weight(weight),
      await at.bias(bias),
      await at.output(),
    );
    int8.window = layer.window;
    return int8.withHostBias(at.path);
  },
};
