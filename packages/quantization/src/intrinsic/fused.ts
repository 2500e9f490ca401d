import type { Clamp } from '@octet/backend';
import {
  type BatchNorm1d,
  type BatchNorm2d,
  Conv1d,
  Conv2d,
  hasHooks,
  Linear,
  type Module,
  ReLU,
  ReLU6,
  Sequential,
} from '@octet/nn/modules';
import { linear, type Tensor } from '@octet/tensor/functional';
import { type Conv, convolve } from '../float-layers';
import { foldInto } from '../fold-batch-norm';
import { boundsOf, type Rectifier } from './rectifier';

/** Layers that belong together, in float: PyTorch's torch.ao.nn.intrinsic. They are prepared and converted as one. */
export abstract class FusedModule extends Sequential {
  /** The module in plain float that computes the same in evaluation mode: itself, unless batch normalisation is to be folded. */
  toFloat(): Module {
    return this;
  }
}

abstract class FusedConv<C extends Conv> extends FusedModule {
  get conv(): C {
    return this.at(0) as C;
  }
}

/** Convolution and ReLU or ReLU6: one operation, unless either has hooks or was replaced. */
abstract class FusedConvReLU<C extends Conv> extends FusedConv<C> {
  static override readonly pure = true;

  constructor(conv: C, relu: Rectifier) {
    super(conv, relu);
  }

  /** Of the output. */
  get bounds(): Clamp {
    return boundsOf(this.at(1));
  }

  override forward(x: Tensor): Tensor {
    const [conv, relu, more] = this;
    return isPlainConv(conv) && isPlainRectifier(relu) && !more
      ? convolve(conv, x, conv.weight, conv.bias, boundsOf(relu))
      : super.forward(x);
  }
}

/** Convolution and batch normalisation, unfolded: for training. */
abstract class FusedConvBn<C extends Conv, B extends BatchNorm1d | BatchNorm2d> extends FusedConv<C> {
  constructor(conv: C, bn: B, ...relu: readonly Rectifier[]) {
    super(conv, bn, ...relu);
  }

  get bn(): B {
    return this.at(1) as B;
  }
}

/** The same and ReLU or ReLU6. */
abstract class FusedConvBnReLU<C extends Conv, B extends BatchNorm1d | BatchNorm2d> extends FusedConvBn<
  C,
  B
> {
  constructor(conv: C, bn: B, relu: Rectifier) {
    super(conv, bn, relu);
  }

  /** Of the output. */
  get bounds(): Clamp {
    return boundsOf(this.at(2));
  }
}

/** Convolution and ReLU or ReLU6: one operation, unless either has hooks or was replaced. */
export class ConvReLU2d extends FusedConvReLU<Conv2d> {
  static override readonly name: string = 'ConvReLU2d';
}

/** 1-d convolution and ReLU or ReLU6: one operation, unless either has hooks or was replaced. */
export class ConvReLU1d extends FusedConvReLU<Conv1d> {
  static override readonly name: string = 'ConvReLU1d';
}

/** Whether a call of the module is what the class computes, and nothing else. */
function isPlain<M extends Module>(module: Module, type: abstract new (...args: never[]) => M): module is M {
  return module.constructor === type && !hasHooks(module);
}

function isPlainConv(module: Module): module is Conv {
  return isPlain(module, Conv1d) || isPlain(module, Conv2d);
}

function isPlainRectifier(module: Module): module is Rectifier {
  return isPlain(module, ReLU) || isPlain(module, ReLU6);
}

/** Convolution and batch normalisation, unfolded: for training. */
export class ConvBn2d extends FusedConvBn<Conv2d, BatchNorm2d> {
  static override readonly name: string = 'ConvBn2d';

  constructor(conv: Conv2d, bn: BatchNorm2d) {
    super(conv, bn);
  }

  override toFloat(): Conv2d {
    return foldInto(this.conv, this.bn);
  }
}

/** 1-d convolution and batch normalisation, unfolded: for training. */
export class ConvBn1d extends FusedConvBn<Conv1d, BatchNorm1d> {
  static override readonly name: string = 'ConvBn1d';

  constructor(conv: Conv1d, bn: BatchNorm1d) {
    super(conv, bn);
  }

  override toFloat(): Conv1d {
    return foldInto(this.conv, this.bn);
  }
}

/** Convolution, batch normalisation and ReLU or ReLU6, unfolded: for training. */
export class ConvBnReLU2d extends FusedConvBnReLU<Conv2d, BatchNorm2d> {
  static override readonly name: string = 'ConvBnReLU2d';

  override toFloat(): ConvReLU2d {
    return new ConvReLU2d(foldInto(this.conv, this.bn), this.at(2)).train(this.training);
  }
}

/** 1-d convolution, batch normalisation and ReLU or ReLU6, unfolded: for training. */
export class ConvBnReLU1d extends FusedConvBnReLU<Conv1d, BatchNorm1d> {
  static override readonly name: string = 'ConvBnReLU1d';

  override toFloat(): ConvReLU1d {
    return new ConvReLU1d(foldInto(this.conv, this.bn), this.at(2)).train(this.training);
  }
}

/** Batch normalisation and ReLU. */
export class BNReLU2d extends FusedModule {
  static override readonly name: string = 'BNReLU2d';

  constructor(bn: BatchNorm2d, relu: ReLU) {
    super(bn, relu);
  }

  get bn(): BatchNorm2d {
    return this.at(0) as BatchNorm2d;
  }
}

/** Linear layer and ReLU or ReLU6: one operation, unless either has hooks or was replaced. */
export class LinearReLU extends FusedModule {
  static override readonly name: string = 'LinearReLU';
  static override readonly pure = true;

  constructor(layer: Linear, relu: Rectifier) {
    super(layer, relu);
  }

  /** Of the output. */
  get bounds(): Clamp {
    return boundsOf(this.at(1));
  }

  override forward(x: Tensor): Tensor {
    const [layer, relu, more] = this;
    return isPlain(layer, Linear) && isPlainRectifier(relu) && !more
      ? linear(x, layer.weight, layer.bias, { clamp: boundsOf(relu) })
      : super.forward(x);
  }

  get linear(): Linear {
    return this.at(0) as Linear;
  }
}

abstract class FusedLinearBn extends FusedModule {
  get linear(): Linear {
    return this.at(0) as Linear;
  }

  get bn(): BatchNorm1d {
    return this.at(1) as BatchNorm1d;
  }
}

/** Linear layer and batch normalisation, unfolded: for training. */
export class LinearBn1d extends FusedLinearBn {
  static override readonly name: string = 'LinearBn1d';

  constructor(layer: Linear, bn: BatchNorm1d) {
    super(layer, bn);
  }

  override toFloat(): Linear {
    return foldInto(this.linear, this.bn);
  }
}

/** Linear layer, batch normalisation and ReLU or ReLU6, unfolded: for training. */
export class LinearBnReLU1d extends FusedLinearBn {
  static override readonly name: string = 'LinearBnReLU1d';

  constructor(layer: Linear, bn: BatchNorm1d, relu: Rectifier) {
    super(layer, bn, relu);
  }

  /** Of the output. */
  get bounds(): Clamp {
    return boundsOf(this.at(2));
  }

  override toFloat(): LinearReLU {
    return new LinearReLU(foldInto(this.linear, this.bn), this.at(2)).train(this.training);
  }
}
