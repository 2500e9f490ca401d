import { type BatchNorm2d, Conv2d, hasHooks, Linear, type Module, ReLU, Sequential } from '@octet/nn/modules';
import { conv2dRelu, linear, type Tensor } from '@octet/tensor/functional';
import { foldInto } from '../fold-batch-norm';

/** Layers that belong together, in float: PyTorch's torch.ao.nn.intrinsic. They are prepared and converted as one. */
export abstract class FusedModule extends Sequential {
  /** The module in plain float that computes the same in evaluation mode: itself, unless batch normalisation is to be folded. */
  toFloat(): Module {
    return this;
  }
}

abstract class FusedConv extends FusedModule {
  get conv(): Conv2d {
    return this.at(0) as Conv2d;
  }
}

abstract class FusedConvBn extends FusedConv {
  get bn(): BatchNorm2d {
    return this.at(1) as BatchNorm2d;
  }
}

/** Convolution and ReLU: one operation, unless a hook looks at either, or another module took the place of one. */
export class ConvReLU2d extends FusedConv {
  static override readonly name: string = 'ConvReLU2d';
  static override readonly pure = true;

  constructor(conv: Conv2d, relu: ReLU) {
    super(conv, relu);
  }

  override forward(x: Tensor): Tensor {
    const [conv, relu, more] = this;
    return isPlain(conv, Conv2d) && isPlain(relu, ReLU) && !more
      ? conv2dRelu(x, conv.weight, conv.bias, conv.options)
      : super.forward(x);
  }
}

/** Whether a call of the module is what the class computes, and nothing else. */
function isPlain<M extends Module>(module: Module, type: abstract new (...args: never[]) => M): module is M {
  return module.constructor === type && !hasHooks(module);
}

/** Convolution and batch normalisation, unfolded: for training. */
export class ConvBn2d extends FusedConvBn {
  static override readonly name: string = 'ConvBn2d';

  constructor(conv: Conv2d, bn: BatchNorm2d) {
    super(conv, bn);
  }

  override toFloat(): Conv2d {
    return foldInto(this.conv, this.bn);
  }
}

/** Convolution, batch normalisation and ReLU, unfolded: for training. */
export class ConvBnReLU2d extends FusedConvBn {
  static override readonly name: string = 'ConvBnReLU2d';

  constructor(conv: Conv2d, bn: BatchNorm2d, relu: ReLU) {
    super(conv, bn, relu);
  }

  override toFloat(): ConvReLU2d {
    return new ConvReLU2d(foldInto(this.conv, this.bn), this.at(2)).train(this.training);
  }
}

/** Linear layer and ReLU: one operation, unless a hook looks at either, or another module took the place of one. */
export class LinearReLU extends FusedModule {
  static override readonly name: string = 'LinearReLU';
  static override readonly pure = true;

  constructor(layer: Linear, relu: ReLU) {
    super(layer, relu);
  }

  override forward(x: Tensor): Tensor {
    const [layer, relu, more] = this;
    return isPlain(layer, Linear) && isPlain(relu, ReLU) && !more
      ? linear(x, layer.weight, layer.bias, { clamp: [0, Number.POSITIVE_INFINITY] })
      : super.forward(x);
  }

  get linear(): Linear {
    return this.at(0) as Linear;
  }
}
