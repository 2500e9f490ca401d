import { type BatchNorm2d, type Conv2d, type Linear, type ReLU, Sequential } from '@octet/nn';

/** Layers that belong together, in float: PyTorch's torch.ao.nn.intrinsic. They are prepared and converted as one. */
export abstract class FusedModule extends Sequential {}

/** Convolution and ReLU. */
export class ConvReLU2d extends FusedModule {
  constructor(conv: Conv2d, relu: ReLU) {
    super(conv, relu);
  }

  get conv(): Conv2d {
    return this.at(0) as Conv2d;
  }
}

/** Convolution and batch normalisation, unfolded: for training. */
export class ConvBn2d extends FusedModule {
  constructor(conv: Conv2d, bn: BatchNorm2d) {
    super(conv, bn);
  }

  get conv(): Conv2d {
    return this.at(0) as Conv2d;
  }

  get bn(): BatchNorm2d {
    return this.at(1) as BatchNorm2d;
  }
}

/** Convolution, batch normalisation and ReLU, unfolded: for training. */
export class ConvBnReLU2d extends FusedModule {
  constructor(conv: Conv2d, bn: BatchNorm2d, relu: ReLU) {
    super(conv, bn, relu);
  }

  get conv(): Conv2d {
    return this.at(0) as Conv2d;
  }

  get bn(): BatchNorm2d {
    return this.at(1) as BatchNorm2d;
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
