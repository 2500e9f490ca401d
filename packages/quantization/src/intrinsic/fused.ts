import type { BatchNorm2d, Conv2d, Linear, ReLU } from '@octet/nn';
import { Sequential } from '@octet/nn';

/** Layers that belong together, in float: PyTorch's torch.ao.nn.intrinsic. They are prepared and converted as one. */
export abstract class FusedModule extends Sequential {}

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

/** Convolution and ReLU. */
export class ConvReLU2d extends FusedConv {
  constructor(conv: Conv2d, relu: ReLU) {
    super(conv, relu);
  }
}

/** Convolution and batch normalisation, unfolded: for training. */
export class ConvBn2d extends FusedConvBn {
  constructor(conv: Conv2d, bn: BatchNorm2d) {
    super(conv, bn);
  }
}

/** Convolution, batch normalisation and ReLU, unfolded: for training. */
export class ConvBnReLU2d extends FusedConvBn {
  constructor(conv: Conv2d, bn: BatchNorm2d, relu: ReLU) {
    super(conv, bn, relu);
  }
}

/** Linear layer and ReLU. */
export class LinearReLU extends FusedModule {
  constructor(linear: Linear, relu: ReLU) {
    super(linear, relu);
  }

  get linear(): Linear {
    return this.at(0) as Linear;
  }
}
